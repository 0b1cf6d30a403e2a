"""Two states of one rater, item by item: before and now, before the task and after it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import polars as pl

from harness.report.parts.scatter import Cloud, Point, scatters
from harness.report.parts.style import Plot, palette
from harness.report.parts.table import Column
from harness.stats.effects.correlation import pearson
from harness.stats.effects.effects import paired_delta
from harness.stats.effects.equivalence import equivalence
from harness.stats.effects.power import smallest_bound, smallest_effect
from harness.stats.intervals import Estimate
from harness.stats.ratings.matrix import item_means, matched_matrices
from harness.studies.planted import Planted
from harness.studies.study import Basis, Contrast, Quantity

__all__ = ["PAIR_COLUMNS", "Pair", "paired_contrasts", "paired_plot"]

PAIR_COLUMNS = (
    Column("difference", "90 % interval"),
    Column("p_same", "p, equivalence", "p"),
    Column("r", "r over items"),
    Column("verdict", "verdict"),
)
"""The columns of `Pair.row` after the mean difference and its p."""


def paired_contrasts(words: str, same: str, *, tests: int = 1) -> tuple[Contrast, Contrast]:
    """The difference that one of `tests` pairs of states (Holm's correction) is shown to have, and
    the bound within which a pair is shown to have none."""
    return (
        Contrast(words, partial(_smallest, of=partial(smallest_effect, tests=tests))),
        Contrast(same, partial(_smallest, of=smallest_bound)),
    )


def _smallest(basis: Basis, *, of: Callable[..., float]) -> float:
    return of(basis.spread, items=basis.items, repeats=basis.repeats)


class Pair:
    """Ratings of common items in two states, `now` less `before`, on the normalised scale."""

    def __init__(self, before: pl.DataFrame, now: pl.DataFrame, *, bound: float) -> None:
        self.items, (then, today) = matched_matrices([before, now], column="normalised")
        self.delta = paired_delta(today, then)
        self.means = item_means(then), item_means(today)
        self.same = equivalence(self.means[1] - self.means[0], bound=bound)
        self.r: Estimate = pearson(*self.means)
        known = dict(before.select("item", "origin").unique().iter_rows())
        self.origins = tuple(known[item] or "unknown" for item in self.items)
        self._keys = before.row(0, named=True), now.row(0, named=True)

    @property
    def verdict(self) -> str:
        """What the equivalence test says."""
        if self.same.within:
            return f"the same within ± {self.same.bound:g}"
        if self.same.beyond:
            return f"moved by more than {self.same.bound:g}"
        return "neither shown the same nor shown moved"

    def row(self) -> dict[str, object]:
        """The pair's columns of a table."""
        return {
            "delta": self.delta,
            "p": self.delta.p,
            "difference": self.same.difference,
            "p_same": self.same.difference.p,
            "r": self.r,
            "verdict": self.verdict,
        }

    def quantity(self, name: str) -> Quantity:
        """The mean difference beside what is planted."""
        truth = partial(_planted, keys=self._keys, items=self.items)
        return Quantity(f"Δ {name}", self.delta, truth)


def _planted(
    planted: Planted, *, keys: Sequence[Mapping[str, object]], items: Sequence[str]
) -> float:
    then, now = (planted.means(key, items, column="normalised") for key in keys)
    return float((now - then).mean())


def paired_plot(pairs: Mapping[str, Pair], *, title: str, x: str, y: str) -> Plot:
    """Item means of one state against those of the other, a panel a pair, by origin."""
    origins = sorted({origin for pair in pairs.values() for origin in pair.origins})
    return scatters(
        [
            Cloud(
                name,
                [
                    Point(float(a), float(b), origin)
                    for a, b, origin in zip(*pair.means, pair.origins, strict=True)
                ],
                diagonal=True,
                note=f"r = {pair.r.estimate:.2f}",
            )
            for name, pair in pairs.items()
        ],
        name="paired",
        title=title,
        caption="One point an item: its mean rating, normalised to 0–1, in both states; dashed: "
        "no difference.",
        x=x,
        y=y,
        colours=palette(origins),
        limits=((-0.03, 1.03), (-0.03, 1.03)),
    )
