"""What a study will ask and what it can find, reckoned before a call."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from harness.adaptive.plan import campaign_plan
from harness.errors import UsageError
from harness.measuring.forecast import Forecast
from harness.measuring.judge_calls import JudgeCalls
from harness.measuring.money import CHARS_PER_TOKEN, UNKNOWN_OUTPUT, Price
from harness.measuring.plan import Plan, choice_plan, completion_plan, open_plan, rating_plan
from harness.stats.effects.power import Spread, half_width, smallest_effect
from harness.studies.models import price_for
from harness.studies.pilot import ASSUMED, Piloted
from harness.studies.study import Basis, DesignCell, StudyDesign

__all__ = ["ASSUMED", "PER_MINUTE", "StudyForecast", "made_by", "plan_of", "study_forecast"]

_STATED = "assumed (--pilot LOGS takes them from an earlier run)"

PER_MINUTE = 300.0
"""Calls a minute and model that a plan reckons with: ten connections, two seconds a call."""


class StudyForecast(msgspec.Struct, frozen=True, kw_only=True):
    """Totals over the cells. `dollars` is None where a price is not known.

    `width` is the expected half width of a cell mean's interval and `effect` the smallest paired
    effect found with power .8, both on the normalised scale (0 to 1).
    """

    cells: int
    questions: int
    completions: int
    items: int
    tokens_in: float
    tokens_out: float
    dollars: float | None
    minutes: float
    width: float
    effect: float
    findable: tuple[tuple[str, float], ...] = ()
    judgements: int = 0
    prepares: str = ""
    spread: Spread = ASSUMED
    spreads_from: str = _STATED

    @property
    def calls(self) -> int:
        """Questions, completions and judgements."""
        return self.questions + self.completions + self.judgements


def plan_of(cell: DesignCell) -> Plan:
    """The checked plan of one cell; UsageError for what cannot be run.

    A campaign's forecast is of the most that it may ask, its samples are the first batch.
    """
    options = dict(cell.options)
    if cell.task == "completions":
        return completion_plan(options, task=cell.task)
    if cell.task == "open_ended":
        return open_plan(options, task=cell.task)
    template = str(options.pop("template"))
    if cell.task == "utilities":
        return _campaign(template, options)
    build = rating_plan if cell.task == "rating" else choice_plan
    return build(template, options, task=cell.task)


def _campaign(template: str, options: Mapping[str, Any]) -> Plan:
    planned = campaign_plan(template, options, task="utilities")
    plan, most = planned.plan, planned.options.most(len(planned.plan.items))
    forecast = msgspec.structs.replace(
        plan.forecast, questions=most, samples=-(-most // planned.options.block), more=0
    )
    return replace(plan, forecast=forecast)


@dataclass
class _Sum:
    tokens_in: float = 0.0
    tokens_out: float = 0.0
    dollars: float = 0.0
    priced: bool = True

    def add(self, tokens_in: float, tokens_out: float, price: Price | None) -> None:
        self.tokens_in += tokens_in
        self.tokens_out += tokens_out
        if price is None:
            self.priced = False
        else:
            self.dollars += price.cost(tokens_in, tokens_out)


@dataclass
class _Completed:
    """The items that one completer completes in one way, whichever cells want them."""

    forecast: Forecast
    items: set[str] = field(default_factory=set)

    def add(self, plan: Plan) -> None:
        self.items |= _asked(plan)

    @property
    def count(self) -> int:
        """How many are made: of open questions one a seed."""
        return len(self.items) * self.forecast.completions_each


def _asked(plan: Plan) -> set[str]:
    """Hashes of the items that a plan asks about, whatever they are called.

    Of a campaign, whose samples are the first batch alone, all items are.
    """
    if plan.forecast.samples > len(plan.samples):
        return {item.hash for item in plan.items.values()}
    names: set[str] = set()
    for sample in plan.samples:
        names.update(sample.metadata.get("items", ()))
        for shown in sample.metadata.get("presentations", ()):
            names.update(shown[:2])
    return {plan.items[name].hash for name in names if name in plan.items}


def study_forecast(
    design: StudyDesign,
    *,
    seeds: int,
    pilot: Piloted | None = None,
    per_minute: float = PER_MINUTE,
) -> StudyForecast:
    """The whole design: completions that cells share are counted once.

    What it can find is reckoned from the spreads of a `pilot`, or from `ASSUMED`.
    """
    spread = ASSUMED if pilot is None else pilot.spread
    if not design.cells and not design.prepares:
        raise UsageError("the design has no cells")
    if not design.cells:
        return StudyForecast(cells=0, questions=0, completions=0, items=0, tokens_in=0.0,
                             tokens_out=0.0, dollars=0.0, minutes=0.0, width=math.nan,
                             effect=math.nan, prepares=design.prepares)  # fmt: skip
    plans = [plan_of(cell) for cell in design.cells]
    total = _Sum()
    calls: dict[str, int] = {}
    completions: dict[tuple[str, str], _Completed] = {}
    for cell, plan in zip(design.cells, plans, strict=True):
        found = plan.forecast
        price = price_for(cell.rater, plan.options.price)
        total.add(
            found.questions * found.question_chars / CHARS_PER_TOKEN,
            found.questions * (found.question_output or UNKNOWN_OUTPUT),
            price,
        )
        calls[cell.rater] = calls.get(cell.rater, 0) + found.questions
        if found.makes_completions:
            completions.setdefault((cell.completer, made_by(plan)), _Completed(found)).add(plan)
    for (completer, _), made in completions.items():
        count, found = made.count, made.forecast
        total.add(
            count * found.item_chars / CHARS_PER_TOKEN,
            count * (found.completion_output or UNKNOWN_OUTPUT),
            price_for(completer, found.price),
        )
        calls[completer] = calls.get(completer, 0) + count
    judged = _judged(design.cells, plans)
    for (judge, *_), (one, price) in judged.items():
        total.add(one.calls * one.chars / CHARS_PER_TOKEN, one.calls * one.output, price)
        calls[judge] = calls.get(judge, 0) + one.calls
    asked = [
        (cell.task, plan.forecast.items)
        for cell, plan in zip(design.cells, plans, strict=True)
        if plan.forecast.questions
    ] or [(cell.task, plan.forecast.items) for cell, plan in zip(design.cells, plans, strict=True)]
    items = min(count for task, count in asked if task == asked[0][0])
    counts = Counter(item.origin or "unknown" for item in plans[0].items.values())
    basis = Basis(spread, counts, seeds)
    return StudyForecast(
        cells=len(plans),
        questions=sum(plan.forecast.questions for plan in plans),
        completions=sum(made.count for made in completions.values()),
        items=items,
        tokens_in=total.tokens_in,
        tokens_out=total.tokens_out,
        dollars=total.dollars if total.priced else None,
        minutes=max(calls.values()) / per_minute,
        width=half_width(spread, items=items, repeats=seeds),
        effect=smallest_effect(spread, items=items, repeats=seeds),
        spread=spread,
        spreads_from=_STATED if pilot is None else pilot.words,
        judgements=sum(one.calls for one, _ in judged.values()),
        prepares=design.prepares,
        findable=tuple((one.words, one.smallest(basis)) for one in design.contrasts),
    )


def _judged(
    cells: Sequence[DesignCell], plans: Sequence[Plan]
) -> dict[tuple[str, ...], tuple[JudgeCalls, Price | None]]:
    """What each judge reads, with its price: a completion once, however many cells have it."""
    found: dict[tuple[str, ...], tuple[JudgeCalls, Price | None]] = {}
    for number, (cell, plan) in enumerate(zip(cells, plans, strict=True)):
        if cell.judge is None:
            continue
        price = price_for(cell.judge, plan.options.judge_price)
        for one in plan.forecast.judged:
            of = f"cell {number}" if one.each_epoch else made_by(plan)
            key = (cell.judge, cell.completer, of, one.kind)
            if key not in found or found[key][0].calls < one.calls:
                found[key] = one, price
    return found


def made_by(plan: Plan) -> str:
    """What decides a completion, beside completer and item."""
    options = msgspec.structs.asdict(plan.options)
    kept: Mapping[str, object] = {
        name: value for name, value in options.items() if name.startswith("completion")
    }
    return repr(sorted(kept.items(), key=str))
