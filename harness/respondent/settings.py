"""What is planted in a simulated respondent: every parameter, the presets, overrides by name.

All rates are probabilities, all shifts are in units of the latent scale on which ratings have
thresholds over ±2.4.
"""

import difflib
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

from harness.errors import UsageError
from harness.items.builtin import builtin_items
from harness.items.item import text_hash
from harness.items.load import load_items
from harness.prompts.conditions import CONDITIONS
from harness.where import SHELL_DIRECTORY

__all__ = ["OTHER", "PRESETS", "VOICES", "Settings", "parameters", "settings_for"]

OTHER = "other"
"""Origin of a text that is in no known item set; also the entry for origins not named."""

_MEANS = {"math": -0.6, "alpaca": -0.2, "wildchat": 0.4, "stress_test": 0.2, "bailbench": -1.2}


class Settings(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The planted parameters, under the names that `-M` takes.

    spread: standard deviation of the items' utilities about their origin's mean
    noise: noise of a choice; P(first) = Φ((μ_f − μ_s + β + e)/(√2·noise))
    misfit: standard deviation of e, one value per unordered pair, its sign turning with the order
    rating_noise: standard deviation of the latent rating between repeats
    position_bias: β, in favour of the item shown first
    reasoning_debias: share of β that reasoning (response `reasoned`, or thinking) removes
    origin_means: mean utility by origin; `other` for any not named
    cluster: share of ratings that are forced to one level
    cluster_level: that level, counted from the top (1 is the highest)
    refusal: rate, by origin, at which a question about an item, or the item itself, is refused;
        a choice is refused where either item causes it
    disclaim, format_error: rates at which a question is answered by a disclaimer, or unusably
    lapse: rate at which a choice falls on the second item whatever the items are
    measurement_effect: shift by a ± system prompt that is in force when the question is asked
    completion_effect: shift by the tone of a completion that was written under one
    contrarian: utilities are multiplied by −1
    utility_seed: draws the utilities and the misfit
    items: more items, as for `-T items=…`, whose origin the respondent knows
    label_deed: share of choose-and-complete answers in which the other item is done
    mentions: share of completions under a system prompt that speak of their instructions
    hush: share of those that the request not to mention them prevents
    false_positive, false_negative: as a judge, rates of yes for no and of no for yes (of a wrong
        class, where the classes do not mean yes and no; of a mirrored number)
    judge_noise: as a judge, standard deviation of a number that it gives
    prose, refusing, off_schema: as a judge, rates of answers that hold no verdict
    slow: as a judge, rate at which it takes `slow_seconds` longer
    question_refusal: share of an item's refusal rate that holds for questions about it; the item
        itself is refused at the whole rate
    refusal_slope: how far an item's refusal goes against its utility within its origin, on the
        probit scale; the mean rate of the origin stays
    template_correlation: correlation of an item's utilities under two wordings of a rating
    voice: 1 to 8, a manner by which completions show who wrote them; 0 for none
    self_preference: shift for completions in the respondent's own voice
    bias: shift for completions in a voice, by voice
    tone: share of completions under a system prompt that take its tone, by the prompt's name (1)
    prompt: shift by a system prompt that is in force when the question is asked, by its name; in
        place of `measurement_effect`
    drift: shift of every utility, as of a model that has changed
    pre_shift: shift where a question is asked before the item is done
    wording_sd: standard deviation of what each wording of a question adds to an item's utility
    context_sd: likewise of each context (a neutral system prompt, or none)
    optout, outside, taking: utilities of the opt-out, of "neither" beside two items, and of leaving
        a task where the question is whether to take it; each has the noise of an item
    indifference: difference of utilities, noise included, below which both are equal
    """

    spread: float = 1.5
    noise: float = 1.0
    misfit: float = 0.5
    rating_noise: float = 0.5
    position_bias: float = -0.3
    reasoning_debias: float = 0.8
    origin_means: dict[str, float] = msgspec.field(default_factory=_MEANS.copy)
    cluster: float = 0.0
    cluster_level: int = 2
    refusal: dict[str, float] = {}
    disclaim: float = 0.0
    format_error: float = 0.0
    lapse: float = 0.0
    measurement_effect: float = 1.0
    completion_effect: float = 0.2
    contrarian: bool = False
    utility_seed: int = 0
    items: str = ""
    label_deed: float = 0.0
    mentions: float = 0.0
    hush: float = 0.0
    false_positive: float = 0.0
    false_negative: float = 0.0
    judge_noise: float = 0.0
    prose: float = 0.0
    refusing: float = 0.0
    off_schema: float = 0.0
    slow: float = 0.0
    slow_seconds: float = 3600.0
    question_refusal: float = 1.0
    refusal_slope: float = 0.0
    template_correlation: float = 1.0
    voice: int = 0
    self_preference: float = 0.0
    bias: dict[str, float] = {}
    tone: dict[str, float] = {}
    prompt: dict[str, float] = {}
    drift: float = 0.0
    pre_shift: float = 0.0
    wording_sd: float = 0.0
    context_sd: float = 0.0
    optout: float = -0.5
    outside: float = -0.5
    taking: float = -0.5
    indifference: float = 0.5

    @cached_property
    def key(self) -> str:
        """Hash of all parameters: two respondents that differ in one draw independently.

        Parameters that came later count where they are set: without them the draws stay.
        """
        told = {
            name: dict(sorted(value.items())) if isinstance(value, dict) else value
            for name, value in msgspec.to_builtins(self).items()
            if name not in _LATER or value != _DEFAULTS[name]
        }
        return text_hash(msgspec.json.encode(told).decode())

    @cached_property
    def origins(self) -> dict[str, str]:
        """Origin of each known text: the built-in items, and those of `items`."""
        known = {item.text: item.origin for item in builtin_items()}
        if self.items:
            more = load_items(self.items, base=SHELL_DIRECTORY)
            known.update((item.text, item.origin) for item in more.items)
        return known


_LATER = (
    "label_deed",
    "mentions",
    "hush",
    "false_positive",
    "false_negative",
    "judge_noise",
    "prose",
    "refusing",
    "off_schema",
    "slow",
    "slow_seconds",
    "question_refusal",
    "refusal_slope",
    "template_correlation",
    "voice",
    "self_preference",
    "bias",
    "tone",
    "prompt",
    "drift",
    "pre_shift",
    "wording_sd",
    "context_sd",
    "optout",
    "outside",
    "taking",
    "indifference",
)
_DEFAULTS: dict[str, Any] = msgspec.to_builtins(Settings())

_PLANTED: dict[str, Settings] = {
    "faithful": Settings(),
    "position-biased": Settings(position_bias=-0.8),
    "noisy": Settings(noise=2.0, rating_noise=1.2),
    "contrarian": Settings(contrarian=True),
    "clusterer": Settings(cluster=0.91),
    "refuser": Settings(refusal={"bailbench": 0.8, "stress_test": 0.22, "wildchat": 0.05}),
    "rambler": Settings(format_error=0.15, disclaim=0.05),
    "judge": Settings(),
}

PRESETS: Mapping[str, Settings] = _PLANTED
"""The respondents that can be named as `sim/NAME`."""

_BY_NAME = {
    "origin_means": "mean_",
    "refusal": "refusal_",
    "bias": "bias_",
    "tone": "tone_",
    "prompt": "prompt_",
}
"""Parameters with a value a name, and how `-M` writes one of them."""
VOICES = tuple(str(voice) for voice in range(1, 9))
_RATES = (
    "cluster",
    "disclaim",
    "format_error",
    "lapse",
    "reasoning_debias",
    "label_deed",
    "mentions",
    "hush",
    "false_positive",
    "false_negative",
    "prose",
    "refusing",
    "off_schema",
    "slow",
    "question_refusal",
    "template_correlation",
)
_NOT_NEGATIVE = (
    "spread",
    "noise",
    "misfit",
    "rating_noise",
    "judge_noise",
    "slow_seconds",
    "wording_sd",
    "context_sd",
    "indifference",
)
_INTEGERS = ("cluster_level", "utility_seed", "voice")
_SHARES = ("refusal", "tone")


def settings_for(name: str, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The preset `name` with `-M` overrides. `PRESET@TAG` is the preset under a name of its own.

    A value by origin is given as `mean_math=0.3` and `refusal_bailbench=0.8` (or with a dot,
    `origin_means.math=0.3`), as a dict, or, for `refusal`, as one number for all origins.
    Raises UsageError, in one line, for an unknown name or an unusable value.
    """
    preset = name.partition("@")[0]
    if preset not in PRESETS:
        raise UsageError(f"unknown respondent sim/{name}; expected one of {', '.join(PRESETS)}")
    settings = PRESETS[preset]
    for option, value in (overrides or {}).items():
        settings = msgspec.structs.replace(settings, **_override(settings, option, value))
    _check_together(settings)
    _check_names(settings)
    return settings


def parameters(settings: Settings) -> dict[str, Any]:
    """Every planted parameter by name, `refusal` for each origin."""
    values: dict[str, Any] = msgspec.to_builtins(settings)
    values["refusal"] = {**dict.fromkeys([*_MEANS, OTHER], 0.0), **settings.refusal}
    values["origin_means"] = {**settings.origin_means}
    values["origin_means"].setdefault(OTHER, 0.0)
    return values


def _override(settings: Settings, option: str, value: Any) -> dict[str, Any]:
    if option in Settings.__struct_fields__ and option not in _BY_NAME:
        return {option: _plain(option, value)}
    for field, prefix in _BY_NAME.items():
        known: dict[str, float] = getattr(settings, field)
        for start in (f"{field}.", prefix):
            if option.startswith(start) and len(option) > len(start):
                number = _number(option, value, rate=field in _SHARES)
                return {field: {**known, option.removeprefix(start): number}}
        if option == field:
            return {field: {**known, **_by_name(field, value)}}
    names = [name for name in Settings.__struct_fields__ if name not in _BY_NAME]
    raise UsageError(
        f"unknown parameter {option!r} of sim (-M); expected one of {', '.join(names)}, "
        "mean_ORIGIN, refusal, refusal_ORIGIN, bias_VOICE, tone_PROMPT, prompt_PROMPT (and "
        "latency, ask_log of the provider)"
    )


def _by_name(field: str, value: Any) -> dict[str, float]:
    rate = field in _SHARES
    if isinstance(value, Mapping):
        return {
            str(name): _number(f"{field}.{name}", part, rate=rate) for name, part in value.items()
        }
    if field == "refusal":
        return dict.fromkeys([*_MEANS, OTHER], _number(field, value, rate=True))
    raise UsageError(
        f"sim parameter {field}={value!r}; expected a dict, or {_BY_NAME[field]}NAME=NUMBER"
    )


def _plain(option: str, value: Any) -> Any:
    if option == "items":
        return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    if option == "contrarian":
        flag = {"true": True, "false": False}.get(str(value).lower())
        if flag is not None:
            return flag
        raise UsageError(f"sim parameter contrarian={value!r}; expected true or false")
    number = _number(option, value, rate=option in _RATES)
    if option in _NOT_NEGATIVE and number < 0:
        raise UsageError(f"sim parameter {option}={value!r}; expected a number of at least 0")
    if option not in _INTEGERS:
        return number
    if (
        not number.is_integer()
        or (option == "cluster_level" and number < 1)
        or (option == "voice" and not 0 <= number <= len(VOICES))
    ):
        raise UsageError(f"sim parameter {option}={value!r}; expected a whole number")
    return int(number)


def _number(option: str, value: Any, *, rate: bool) -> float:
    """YAML leaves `-.25` as text, so text that reads as a number is one."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"sim parameter {option}={value!r}; expected a number")
    if rate and not 0 <= number <= 1:
        raise UsageError(f"sim parameter {option}={value!r}; expected a rate between 0 and 1")
    return number


def _check_names(settings: Settings) -> None:
    """UsageError for a name that stands for nothing: what it plants would never be seen."""
    origins = [*_MEANS, OTHER]
    origins += sorted(set(settings.origins.values()) - set(origins))
    allowed: dict[str, Sequence[str]] = {
        "origin_means": origins,
        "refusal": origins,
        "bias": VOICES,
        "tone": [name for name in CONDITIONS if name != "none"],
        "prompt": [name for name in CONDITIONS if name != "none"],
    }
    for field, names in allowed.items():
        for name in getattr(settings, field):
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                meant = f"did you mean {near[0]!r}? " if near else ""
                raise UsageError(
                    f"unknown name {name!r} in sim parameter {_BY_NAME[field]}{name}; {meant}"
                    f"expected one of {', '.join(names)}"
                )


def _check_together(settings: Settings) -> None:
    worst = max(settings.refusal.values(), default=0.0) + settings.disclaim + settings.format_error
    if worst > 1 + 1e-12:
        raise UsageError(
            f"sim parameters refusal + disclaim + format_error reach {worst:g}; "
            "expected at most 1 together"
        )
    unusable = settings.prose + settings.refusing + settings.off_schema
    if unusable > 1 + 1e-12:
        raise UsageError(
            f"sim parameters prose + refusing + off_schema reach {unusable:g}; expected at most 1 "
            "together"
        )
