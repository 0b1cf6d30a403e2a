"""From `-T` options to what a run asks: everything that can be told wrong before a call is."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard, TypeVar

from inspect_ai.model import Model, get_model

from harness.errors import UsageError
from harness.items.item import Item
from harness.items.load import load_items
from harness.measuring.completer import Completer, check_given
from harness.measuring.completion_logs import read_completions
from harness.measuring.measure import Measure
from harness.measuring.money import price_of, read_price
from harness.measuring.options import ChoiceOptions, Options, RatingOptions, read_options
from harness.measuring.stages import thinking_config
from harness.measuring.variants import drawn_variants
from harness.models.identity import WITHOUT_LOGPROBS, provider_of
from harness.prompts.conditions import condition
from harness.prompts.judges import judge_kinds
from harness.prompts.render import timing_of
from harness.prompts.template import Template
from harness.text.logprobs import check_distinguishable
from harness.where import SHELL_DIRECTORY

__all__ = ["checked", "completer_of", "makes", "measure_of", "run_items"]

MOST_OPTOUT = 0.5
"""A twentieth places most items; beyond a half it is no ranking any more."""

Kind = TypeVar("Kind", bound=Options)


def checked(kind: type[Kind], given: Mapping[str, Any], *, task: str) -> Kind:
    """The options, with all that can be told wrong before a call is made."""
    options = read_options(kind, given, task=task)
    for name in ("completion_thinking", "measurement_thinking", "judge_thinking"):
        thinking_config(getattr(options, name, None), option=name)
    for price in (options.price, options.judge_price):
        if price is not None:
            read_price(price)
    judge_kinds(options.judges)
    model = _model()
    if model is None:
        return options
    if options.budget_usd is not None and price_of(model, options.price) is None:
        raise UsageError(
            f"budget_usd={options.budget_usd:g} of {task} needs a price for {model}; give one with "
            "price=IN,OUT (US dollars per million tokens) or --model-cost-config"
        )
    if getattr(options, "readout", "") == "logprobs" and provider_of(model) in WITHOUT_LOGPROBS:
        raise UsageError(
            f"readout=logprobs of {task}: {model} gives no log-probabilities; use readout=sample"
        )
    return options


def _model() -> Model | None:
    """The model under evaluation; None where a task is only built (`inspect list`, tests)."""
    try:
        return get_model()
    except ValueError:
        return None


def run_items(options: Options) -> tuple[Item, ...]:
    """The items of the run, each text once."""
    found = load_items(
        options.items,
        per_origin=options.per_origin,
        sample_seed=options.sample_seed,
        base=SHELL_DIRECTORY,
    )
    return found.items


def measure_of(
    form: Template, options: RatingOptions | ChoiceOptions, *, labels: tuple[str, ...]
) -> Measure:
    """What the run measures; UsageError where timing, read-out and labels do not go together."""
    timing = timing_of(form, options.timing)
    share = getattr(options, "optout", 0.0)
    if share > MOST_OPTOUT:
        raise UsageError(f"optout={share:g}; expected a share of at most {MOST_OPTOUT:g}")
    if share and timing != "pre":
        raise UsageError(
            f"optout={share:g} with timing={timing}; expected timing=pre, since no task is not done"
        )
    if options.readout != "sample" and form.third:
        raise UsageError(
            f"readout={options.readout} with template {form.name!r}; expected readout=sample, "
            "since a third answer has no place in a probability of the first"
        )
    if options.readout != "sample":
        if options.response != "plain" or options.readout == "logprobs":
            check_distinguishable(labels, options.response)
        if options.seeds > 1:
            raise UsageError(
                f"seeds={options.seeds} with readout={options.readout}; expected seeds=1, since "
                "log-probabilities are the same in every repeat"
            )
    named = condition(options.measurement_sysprompt, base=SHELL_DIRECTORY)
    return Measure(
        template=form,
        options=options,
        timing=timing,
        labels=labels,
        condition=named,
        completion_sysprompt=options.completion_sysprompt if timing == "post" else "none",
        variants=drawn_variants(form, timing, options, named),
    )


def completer_of(options: Options, items: Sequence[Item]) -> Completer:
    """Who completes the items, or the completions of a log, checked against the items."""
    named = condition(options.completion_sysprompt, base=SHELL_DIRECTORY)
    if options.completions == "self":
        return Completer(options, named)
    given = read_completions(options.completions, base=SHELL_DIRECTORY)
    check_given(given, items, where=f"completions={options.completions}", sysprompt=named.name)
    return Completer(options, named, given)


def makes(completer: Completer | None) -> TypeGuard[Completer]:
    """Whether the run completes items itself: not before a pre-task question, nor from a log."""
    return completer is not None and completer.given is None
