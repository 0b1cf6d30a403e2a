"""The `-T` options of the evals: typed, checked, each error one line.

Inspect parses `-T` values as YAML and only warns of names that a task does not take. Here an
unknown name ends the run, and what YAML made of a value (a comma makes a list, `off` a false,
`-.25` stays text) is turned back into what was meant, or refused.
"""

import difflib
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec

from harness.errors import UsageError

__all__ = [
    "ChoiceOptions",
    "CompletionOptions",
    "OpenOptions",
    "Options",
    "RatingOptions",
    "Stage",
    "Thinking",
    "read_options",
    "stage",
]

Thinking = str | int | bool | None


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options that every eval takes. `penchant evals` shows these lines.

    items: `builtin`, `builtin:math`, `alpaca`, `math:FILE`, `FILE.jsonl`, several joined by `+`
    per_origin: keep this many items of each origin, drawn with sample_seed; without, all
    sample_seed: what draws items, pairs, wordings and contexts
    completions: `self`, or a log of evals/completions.py (model role `completer` says who)
    completion_sysprompt: named condition (or TOML file) in force while the items are completed
    completion_prefix: tell the completer not to mention its system prompt
    completion_seed: generation seed of the completions
    completion_temperature, measurement_temperature: of that stage; without, the run's own
        (`--temperature`), else 1
    completion_max_tokens, measurement_max_tokens: at most so many output tokens of that stage
    completion_thinking, measurement_thinking: `on`, `off`, an effort or a number of tokens
    completion_stop, measurement_stop: a text that ends a reply of that stage
    block: items or pairs per Inspect sample
    budget_usd, max_calls: stop asking beyond; what was not asked is recorded as failed, and
        `penchant reask LOG` asks it later
    price: `IN,OUT`, US dollars per million tokens; stands over a pool's and Inspect's own prices
    pilot: ask this many questions first and show their outcome rates
    reask_failed: on a resumed run, ask questions that failed before again
    judges: what of the completions is judged, any of refusal, attitude, coherence,
        sysprompt_reference, executed_task (comma-separated); by rule, and by the model roles
        `judge` and `judge2` where they are given
    topic: what an attitude is judged toward
    judge_repeats: verdicts a text and judge
    judge_temperature: of judges; without, the role's own, else 0
    judge_max_tokens: at most so many output tokens of a verdict
    judge_thinking: of judges, as of the other stages
    judge_timeout: seconds that a judge may take; it is asked once more after that
    judge_price: `IN,OUT` of judges, as `price`
    """

    items: str = "builtin"
    per_origin: int | None = None
    sample_seed: int = 0
    completions: str = "self"
    completion_sysprompt: str = "none"
    completion_prefix: bool = True
    completion_seed: int = 0
    completion_temperature: float | None = None
    completion_max_tokens: int | None = None
    completion_thinking: Thinking = None
    completion_stop: str | None = None
    block: int = 1
    budget_usd: float | None = None
    max_calls: int | None = None
    price: str | None = None
    pilot: int = 0
    reask_failed: bool = False
    judges: str = ""
    topic: str = "mathematics"
    judge_repeats: int = 1
    judge_temperature: float | None = None
    judge_max_tokens: int | None = None
    judge_thinking: Thinking = None
    judge_timeout: float = 120.0
    judge_price: str | None = None


class _Measured(Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ratings and choices have in common.

    seeds: repeats of each question, each with a generation seed of its own
    timing: `post` (after completing) or `pre`; default: the template's first
    response: `plain`, `xml`, `tool` or `reasoned` (chain of thought)
    readout: `sample`, `logprobs` (one call, label probabilities), `auto` (logprobs where given)
    min_label_mass: below this total probability of the labels a log-probability read-out is invalid
    measurement_sysprompt: named condition (or TOML file) in force while the question is asked
    answer_judge: let the model role `judge` settle answers that the rules leave open
    wordings: draw so many of the question's wordings (its own and its paraphrases) by sample_seed,
        and spread them evenly over each item's questions; repeats go on to the next
    contexts: likewise of neutral system prompts, before the measurement's own
    drop_contaminated: leave out completions that refer to their system prompt (by the role `judge`,
        else by rule); they are counted and listed by item
    """

    seeds: int = 1
    timing: Literal["post", "pre"] | None = None
    response: Literal["plain", "xml", "tool", "reasoned"] = "plain"
    readout: Literal["sample", "logprobs", "auto"] = "sample"
    min_label_mass: float = 0.5
    measurement_sysprompt: str = "none"
    measurement_temperature: float | None = None
    measurement_max_tokens: int | None = None
    measurement_thinking: Thinking = None
    measurement_stop: str | None = None
    answer_judge: bool = False
    wordings: int | None = None
    contexts: int | None = None
    drop_contaminated: bool = False


class RatingOptions(_Measured, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of rating evals."""


class ChoiceOptions(_Measured, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of pairwise evals.

    pairs: `regular:D` (random graph, D pairs an item), `random:N`, `all`,
        `origins:N` (N pairs of each two origins and within each), `won:N:LOGS` (of an earlier
        run N pairs whose first item won and N whose second did), or a CSV first,second;
        with `@S` behind a number other pairs for each S
    orders: `both`, `balanced` (each item first as often as second) or `first` (as given)
    labels: the two labels, `A,B` by default
    optout: share of questions, beside the others, that set an item against the opt-out (no task,
        the conversation ends) in both orders, before any is done: for `penchant utilities --zero`
    """

    pairs: str = "regular:5"
    orders: Literal["both", "balanced", "first"] = "both"
    labels: str = "A,B"
    optout: float = 0.0


class CompletionOptions(Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of evals/completions.py."""


class OpenOptions(Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of evals/open_ended.py.

    questions: `five`, or a TOML file with a list `questions` of tables (id, text; `{topic}` in a
        text stands for the topic)
    seeds: answers to each question, each with a generation seed of its own
    """

    questions: str = "five"
    seeds: int = 1


class Stage(msgspec.Struct, frozen=True):
    """Generation settings of one stage; None leaves the model's own."""

    temperature: float | None
    max_tokens: int | None
    thinking: Thinking
    stop: str | None


def stage(options: Options, name: Literal["completion", "measurement"]) -> Stage:
    """The options `{name}_temperature` and so on, as one."""
    return Stage(*(getattr(options, f"{name}_{field}") for field in Stage.__struct_fields__))


T = TypeVar("T", bound=Options)

_LOWEST: dict[str, float] = {
    "per_origin": 1,
    "block": 1,
    "seeds": 1,
    "max_calls": 1,
    "pilot": 0,
    "wordings": 1,
    "optout": 0,
    "contexts": 1,
    "budget_usd": 0,
    "completion_max_tokens": 1,
    "measurement_max_tokens": 1,
    "completion_temperature": 0,
    "measurement_temperature": 0,
    "min_label_mass": 0,
    "judge_repeats": 1,
    "judge_max_tokens": 1,
    "judge_temperature": 0,
    "judge_timeout": 0.001,
}


def read_options(kind: type[T], given: Mapping[str, Any], *, task: str) -> T:
    """Check the `-T` options of `task` against `kind`.

    Raises UsageError, in one line, for an unknown name or a value of the wrong type or range.
    """
    hints = typing.get_type_hints(kind)
    for name in given:
        if name not in hints:
            near = difflib.get_close_matches(name, hints, n=1)
            meant = f"did you mean {near[0]!r}? " if near else ""
            raise UsageError(
                f"unknown option {name!r} of {task}; {meant}expected one of {', '.join(hints)}"
            )
    values = {
        name: _value(value, hints[name], name, task)
        for name, value in given.items()
        if value is not None
    }
    for name, value in values.items():
        if name in _LOWEST and value < _LOWEST[name]:
            raise UsageError(f"{name}={value} of {task}; expected at least {_LOWEST[name]:g}")
    return kind(**values)


def _value(value: Any, hint: Any, name: str, task: str) -> Any:
    union = typing.get_origin(hint) in (types.UnionType, typing.Union)
    options = typing.get_args(hint) if union else (hint,)
    allowed = [option for option in options if option is not types.NoneType]
    if allowed == [str]:
        return _text(value, name, task)
    try:
        # YAML leaves `.25` and `-.25` as text.
        if isinstance(value, str) and float in allowed:
            value = float(value)
        return msgspec.convert(value, hint, strict=False)
    except ValueError:
        raise UsageError(f"{name}={value!r} of {task}; expected {_expected(allowed)}") from None


def _text(value: Any, name: str, task: str) -> str:
    """Text as the user typed it, from what YAML made of it."""
    if isinstance(value, list) and not any(isinstance(part, (bool, list, dict)) for part in value):
        return ",".join(str(part) for part in value)
    if isinstance(value, (bool, list, dict)):
        raise UsageError(
            f"{name} of {task} reached us as {value!r}, because -T values are read as YAML; "
            f"quote it (-T \"{name}='…'\") or give it by a file"
        )
    return str(value)


def _expected(allowed: list[Any]) -> str:
    names = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    parts = []
    for option in allowed:
        if typing.get_origin(option) is Literal:
            parts += [repr(choice) for choice in typing.get_args(option)]
        else:
            parts.append(names.get(option, str(option)))
    return " or ".join(parts)
