"""The rows of a validity card: each quantity, its rule, its verdict, and the calls behind it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from harness.analysis.cells import Cell
from harness.analysis.ratings import RatingCell
from harness.report.parts.wording import number
from harness.stats.choices.cycles import COINS, cycles
from harness.stats.choices.orders import both_orders
from harness.stats.choices.position import flip_rate
from harness.stats.effects.correlation import pearson
from harness.stats.intervals import Estimate, clustered_rate
from harness.stats.outcomes import outcome_rates
from harness.stats.ratings.matrix import item_means, matched_matrices
from harness.studies.cards.planted import planted_choice, planted_r, planted_rating
from harness.studies.planted import Planted
from harness.studies.study import Quantity

__all__ = [
    "AGREE",
    "FLIPS",
    "RULES",
    "CardRow",
    "base_cells",
    "choice_rows",
    "rating_rows",
    "verdict",
]

AGREE = 0.5
FLIPS = 0.4
EXCESS = 0.05
ANSWERED = 0.9

_RATINGS: tuple[tuple[str, str, str, float], ...] = (
    ("answered", "answered", "at least", ANSWERED),
    ("invalid", "invalid, off-scale among them", "at most", 0.05),
    ("disclaimed", "disclaimed", "at most", 0.05),
    ("modal_share", "at the commonest level", "at most", 0.8),
    ("kl_uniform_normalised", "KL ÷ ln K", "at most", 0.6),
    ("icc", "ICC(1,1)", "at least", 0.5),
    ("icc_without_refused", "ICC without refused items", "at least", 0.5),
    ("outcome_consistency", "outcomes agree over repeats", "at least", 0.9),
)

RULES: tuple[tuple[str, str, str], ...] = (
    ("answered", f"at least {ANSWERED:g}", "what is left out may be a part of its own"),
    ("invalid, off-scale among them", "at most 0.05", "the wording is not understood"),
    ("disclaimed", "at most 0.05", "a rating with a disclaimer may not be meant"),
    ("at the commonest level", "at most 0.8", "at .8 four repeats in ten tell no two items apart"),
    ("KL ÷ ln K", "at most 0.6", "0: all levels alike; 1: one level alone"),
    (
        "ICC(1,1), with and without refused items",
        "at least 0.5",
        "half of a single rating's variance is the item's (moderate by Koo & Li 2016)",
    ),
    ("outcomes agree over repeats", "at least 0.9", "else which items are rated is chance"),
    ("informative r", "above its value without signal", "shown in each row"),
    ("seed honoured", "at least 1", "else a run cannot be repeated to the letter"),
    (
        "r with each other wording, before the task, with chain of thought",
        f"at least {AGREE:g}",
        "below it less than a quarter of what one tells of items is told by the other",
    ),
    (
        "flip rate: pairs whose chosen item changes with the order, one answer in each",
        f"at most {FLIPS:g}",
        "coin tosses flip .5; at .4 the orders still agree in three of five",
    ),
    (
        "circular triads",
        f"at most {COINS:g}",
        "coin tosses give .25: no order of the items is in the choices",
    ),
    (
        "circular triads beyond one utility an item",
        f"at most {EXCESS:g}",
        "a fifth of what coin tosses give; what noise alone gives is taken off",
    ),
)
"""Quantity, rule and reason, as the page and the design show them. The limits are conventions,
written down so that a verdict can be argued with."""

_SAME = (
    *("completion_sysprompt", "completion_prefix", "measurement_sysprompt", "vector", "coef"),
    *("layer", "positions", "operation", "thinking", "temperature"),
)
"""Columns in which two cells must agree to be the same model asked in two ways."""


@dataclass(frozen=True)
class CardRow:
    """A quantity of `cell` with its rule and verdict; `calls` are the questions behind it.

    `planted` finds the planted value, where there is one; `measured` stands for `value` there,
    where that has no interval of its own."""

    cell: Cell
    quantity: str
    value: Estimate
    rule: str
    verdict: str
    calls: int
    planted: Callable[[Planted], float] | None = None
    measured: Estimate | None = None

    @property
    def compared(self) -> Quantity:
        """The quantity beside what is planted."""
        return Quantity(
            f"{self.quantity}, {self.cell.name}", self.measured or self.value, self.planted
        )


def verdict(value: Estimate, sense: str, limit: float) -> str:
    """By the whole interval: holds, fails, or open where the limit lies inside it."""
    if not math.isfinite(value.estimate) or not math.isfinite(limit):
        return "not defined"
    known = math.isfinite(value.low)
    low, high = (value.low, value.high) if known else (value.estimate,) * 2
    if sense == "at most":
        return "holds" if high <= limit else "fails" if low > limit else "open"
    return "holds" if low >= limit else "fails" if high < limit else "open"


def base_cells(found: Sequence[Cell]) -> list[Cell]:
    """The cells that get a card: of each rater and template those asked after the task and
    directly, where there are any; the others stand beside them."""
    kept: list[Cell] = []
    for name in dict.fromkeys((one.rater, one.template) for one in found):
        mine = [one for one in found if (one.rater, one.template) == name]
        for column, usual in (("response", "reasoned"), ("timing", "pre")):
            others = [one for one in mine if one.key[column] != usual]
            mine = others or mine
        kept += mine
    return kept


def rating_rows(one: RatingCell, found: Sequence[Cell]) -> list[CardRow]:
    """The rows of one cell; `found` are all cells of ratings, from which its agreement with other
    wordings, timings and forms of answer comes."""
    count = one.cell.frame.height
    rows = [
        CardRow(
            one.cell,
            words,
            one.quantities[key],
            f"{sense} {limit:g}",
            verdict(one.quantities[key], sense, limit),
            count,
            partial(planted_rating, cell=one.cell, name=key),
        )
        for key, words, sense, limit in _RATINGS
    ]
    floor = one.quantities["informative_r_no_signal"].estimate
    informative = one.quantities["informative_r"]
    rule = f"above {number(floor)}, its value without signal"
    told = verdict(informative, "at least", floor)
    rows.append(CardRow(one.cell, "informative r", informative, rule, told, count))
    rows.append(_honoured(one.cell))
    rows += [_agreement(one.cell, other, how) for other, how in _beside(one.cell, found)]
    return rows


def choice_rows(cell: Cell) -> list[CardRow]:
    """The rows of a cell of choices, over pairs asked in both orders."""
    pairs = both_orders(cell.frame)
    round_ = cycles(cell.frame)
    count = cell.frame.height
    answered = outcome_rates(cell.frame)["answered"]
    told: tuple[tuple[str, Estimate, str, float, str], ...] = (
        ("answered", answered, "at least", ANSWERED, "answered"),
        ("flip rate", flip_rate(pairs), "at most", FLIPS, "flips"),
        ("circular triads", round_["cycles"], "at most", COINS, "cycles"),
        (
            "circular triads beyond one utility an item",
            round_["cycles_excess"],
            "at most",
            EXCESS,
            "excess",
        ),
    )
    asked = list(zip(pairs.a, pairs.b, strict=True))
    return [
        *(
            CardRow(
                cell,
                words,
                value,
                f"{sense} {limit:g}" + _expected(name, round_),
                verdict(value, sense, limit),
                count,
                None
                if name == "answered"
                else partial(planted_choice, cell=cell, pairs=asked, name=name),
            )
            for words, value, sense, limit, name in told
        ),
        _honoured(cell),
    ]


def _expected(name: str, found: dict[str, Estimate]) -> str:
    expected = found["cycles_expected"].estimate
    if name != "excess" or not math.isfinite(expected):
        return ""
    return f"; the {expected:.3f} that noise alone gives is taken off"


def _honoured(cell: Cell) -> CardRow:
    honoured = cell.frame["seed_honoured"].fill_null(False).to_numpy().astype(float)
    share = Estimate(estimate=float(np.mean(honoured)), n=len(honoured))
    return CardRow(
        cell,
        "seed honoured",
        share,
        "at least 1",
        verdict(share, "at least", 1.0),
        len(honoured),
        lambda planted: 1.0,
        measured=clustered_rate(honoured, np.ones(len(honoured))),
    )


def _beside(one: Cell, found: Sequence[Cell]) -> list[tuple[Cell, str]]:
    """Cells whose item means ought to go with this one's, and what is compared."""
    pairs = []
    for other in found:
        if other.key == one.key or other.rater != one.rater:
            continue
        if any(other.key[name] != one.key[name] for name in _SAME):
            continue
        same_template = other.template == one.template
        differ = [name for name in ("timing", "response") if other.key[name] != one.key[name]]
        if not same_template and not differ:
            pairs.append((other, f"r with {other.template}"))
        elif same_template and differ == ["timing"]:
            pairs.append((other, "r of before the task with after"))
        elif same_template and differ == ["response"] and _reasoned(one) != _reasoned(other):
            pairs.append((other, "r of reasoned with direct"))
    return pairs


def _reasoned(cell: Cell) -> bool:
    return cell.key["response"] == "reasoned"


def _agreement(one: Cell, other: Cell, how: str) -> CardRow:
    items, values = matched_matrices([one.frame, other.frame], column="normalised")
    r = pearson(*(item_means(part) for part in values))
    counts = tuple(np.isfinite(part).sum(axis=1) for part in values)
    return CardRow(
        one,
        how,
        r,
        f"at least {AGREE:g}",
        verdict(r, "at least", AGREE),
        one.frame.height + other.frame.height,
        partial(planted_r, cells=(one, other), items=items, counts=counts),
    )
