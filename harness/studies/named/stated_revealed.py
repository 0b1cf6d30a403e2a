"""Do stated ratings go with revealed preferences of the same items?"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from harness.analysis.cells import Cell, cells
from harness.analysis.utilities import UtilityCell, utility_cells
from harness.errors import UsageError
from harness.report.parts.dots import Dot, Panel, dots
from harness.report.parts.scatter import Cloud, Point, scatters
from harness.report.parts.style import Plot, palette
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.wording import number, shown
from harness.stats.choices.utilities import analyse_records
from harness.stats.effects.correlation import disattenuated, pearson
from harness.stats.intervals import Estimate, FloatArray, average_cells
from harness.stats.ratings.matrix import Ratings, item_means, rating_matrix
from harness.studies.choosing import choice_cell, choices_of
from harness.studies.planted import Planted
from harness.studies.study import (
    Found,
    Given,
    Parameters,
    Quantity,
    Study,
    StudyDesign,
    rating_cell,
)

__all__ = ["STUDY"]

_FEWEST = 4


class _StatedRevealed(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of stated-revealed.

    templates: wordings of the ratings
    choices: wordings of the choices
    pairs: which pairs are chosen between, as in the pairwise evals
    """

    templates: tuple[str, ...] = ("anchored_precise_1_5", "fruit_rating")
    choices: tuple[str, ...] = ("simple_preference",)
    pairs: str = "regular:6"


def _design(given: _StatedRevealed) -> StudyDesign:
    if given.seeds < 2:
        raise UsageError(
            f"seeds={given.seeds}; correction for the noise of ratings needs at least 2 (--seeds)"
        )
    found = []
    for rater in given.raters:
        chosen = [
            choice_cell(given, rater, name, levels={"rater": rater, "asked": name},
                        pairs=given.pairs, orders="both", timing="post")
            for name in given.choices
        ]  # fmt: skip
        found += [
            rating_cell(given, rater, name, completer=chosen[0].completer,
                        levels={"rater": rater, "asked": name})
            for name in given.templates
        ]  # fmt: skip
        found += chosen
    return StudyDesign(
        tuple(found),
        ("disattenuated r of ratings with utilities, for each wording of both",),
    )


@dataclass(frozen=True)
class _Both:
    """Ratings in one wording and utilities from another, over the items that have both."""

    stated: Cell
    revealed: UtilityCell
    ratings: Ratings
    table: pl.DataFrame
    row: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.stated.rater}, {self.stated.question} and {self.revealed.cell.question}"


def _analyse(given: Given) -> Found:
    rated = cells(given.frame, "rating")
    if not rated:
        raise UsageError("no ratings among the records; expected logs of rating and pairwise evals")
    fitted, notes = utility_cells(choices_of(given), bootstrap=given.bootstrap, traces={})
    found = [
        both
        for cell in rated
        for one in fitted
        if one.cell.rater == cell.rater and (both := _both(cell, one, given)) is not None
    ]
    if not found:
        raise UsageError(
            "stated-revealed needs ratings and choices of the same items by one rater; these "
            f"records have none{'; ' if notes else ''}{'; '.join(notes)}"
        )
    seeds = _by_seed(found)
    return Found(
        sentences=[
            f"{one.name}: r {shown(one.row['r'])}, without noise "
            f"{shown(one.row['disattenuated'])}; within origins {shown(one.row['within'])}, "
            f"without noise {shown(one.row['within_disattenuated'])} ({one.table.height} items)."
            for one in found[:5]
        ],
        tables=[_table(found)],
        sections=[
            Section(
                title="Ratings against utilities",
                anchor="scatter",
                plots=(_scatter(found), _dots(found)),
                tables=(_seed_mean_table(seeds), _seed_table(seeds)),
            )
        ],
        measured=[
            Quantity(
                f"disattenuated r within origins, {one.name}",
                one.row["within_disattenuated"],
                partial(_planted, one=one),
            )
            for one in found
        ],
        cautions=notes,
    )


def _both(cell: Cell, one: UtilityCell, given: Given) -> _Both | None:
    ratings = rating_matrix(cell.frame)
    answered = np.isfinite(ratings.values).sum(axis=1)
    with np.errstate(all="ignore"):
        spread = np.where(answered > 1, _variances(ratings.values), np.nan)
    stated = pl.DataFrame(
        {
            "item": ratings.items,
            "rating": item_means(ratings.values),
            "error": spread / np.maximum(answered, 1),
        }
    )
    table = one.items.select("item", "origin", "utility", "se").join(
        stated.filter(pl.col("rating").is_finite()), on="item", maintain_order="left"
    )
    if table.height < _FEWEST:
        return None
    return _Both(cell, one, ratings, table, _row(cell, one, table, given))


def _variances(values: FloatArray) -> FloatArray:
    """Variance of each row over what it has, ddof 1; NaN with one value."""
    count = np.isfinite(values).sum(axis=1, keepdims=True)
    off = np.where(np.isfinite(values), values, 0.0)
    mean = off.sum(axis=1, keepdims=True) / np.maximum(count, 1)
    squares = np.where(np.isfinite(values), (values - mean) ** 2, 0.0).sum(axis=1)
    return np.asarray(squares / (count[:, 0] - 1))


def _row(cell: Cell, one: UtilityCell, table: pl.DataFrame, given: Given) -> dict[str, Any]:
    error, posterior = table["error"].to_numpy(), table["se"].to_numpy() ** 2
    row: dict[str, Any] = {"rater": cell.rater, "stated": cell.question}
    row |= {"revealed": one.cell.question, "items": table.height}
    for name, within in (("", False), ("within", True)):
        x, y = (_values(table, column, within) for column in ("rating", "utility"))
        row[name or "r"] = pearson(x, y)
        row[f"{name}_disattenuated".strip("_")] = disattenuated(
            x,
            y,
            error,
            posterior,
            shrunken=(False, True),
            bootstrap=given.bootstrap,
            means=table["origin"].n_unique() if within else 1,
        )
    return row


def _values(table: pl.DataFrame, name: str, within: bool) -> FloatArray:
    value = pl.col(name) - pl.col(name).mean().over("origin") if within else pl.col(name)
    return np.asarray(table.select(value.alias("value"))["value"].to_numpy())


def _by_seed(found: Sequence[_Both]) -> list[dict[str, Any]]:
    """r of the ratings of each repeat with utilities from the choices of the same repeat, or from
    all choices where these were asked once."""
    rows: list[dict[str, Any]] = []
    fits: dict[tuple[str, int], dict[str, float]] = {}
    for one in found:
        chosen = one.revealed.cell.frame
        repeats = sorted(chosen["repeat"].unique().to_list())
        rated = one.stated.frame.filter(pl.col("outcome") == "answered")
        for repeat in sorted(rated["repeat"].unique().to_list()):
            matched = len(repeats) > 1 and repeat in repeats
            key = (one.revealed.cell.name, repeat if matched else -1)
            if key not in fits:
                part = chosen.filter(pl.col("repeat") == repeat) if matched else chosen
                fits[key] = _utilities(part)
            mine = rated.filter(pl.col("repeat") == repeat).group_by("item", maintain_order=True)
            values = mine.agg(pl.col("value").mean())
            utility = np.array([fits[key].get(item, np.nan) for item in values["item"]])
            rows.append(
                {"rater": one.stated.rater, "stated": one.stated.question}
                | {"revealed": one.revealed.cell.question, "seed": repeat}
                | {"choices": "of that seed" if matched else "all"}
                | {"r": pearson(values["value"].to_numpy().astype(float), utility)}
            )
    return rows


def _utilities(frame: pl.DataFrame) -> dict[str, float]:
    try:
        table = analyse_records(frame).table
    except UsageError:
        return {}
    return dict(table.select("item", "utility").iter_rows())


def _planted(planted: Planted, *, one: _Both) -> float:
    """ρ of the wordings times how straight the expected rating goes with what is felt: for X and
    Y normal with correlation ρ, any g(X) correlates with Y by ρ·r(g(X), X)."""
    items = one.table["item"].to_list()
    felt = planted.latents(one.stated.key, items)
    table = pl.DataFrame(
        {"origin": one.table["origin"], "felt": felt, "mean": planted.means(one.stated.key, items)}
    )
    x, y = (_values(table, name, within=True) for name in ("felt", "mean"))
    rho = planted.settings(one.stated.rater).template_correlation
    return float(rho * np.corrcoef(x, y)[0, 1])


_HEADS = (Column("rater", "rater"), Column("stated", "ratings"), Column("revealed", "choices"))


def _table(found: Sequence[_Both]) -> Table:
    return Table(
        name="stated_revealed",
        title="Ratings against utilities",
        columns=(
            *_HEADS,
            Column("items", "items", "count"),
            Column("r", "r"),
            Column("disattenuated", "disattenuated"),
            Column("within", "r within origins"),
            Column("within_disattenuated", "disattenuated"),
        ),
        rows=[one.row for one in found],
        caption="Mean ratings over seeds against utilities from choices of the same items. "
        "Disattenuated: divided by the root of both reliabilities, with a bootstrap interval over "
        "items; it needs two ratings an item. Within origins: each origin's mean taken out, so "
        "that origin means alone give none.",
    )


def _seed_table(rows: list[dict[str, Any]]) -> Table:
    return Table(
        name="by_seed",
        title="By seed",
        columns=(*_HEADS, Column("seed", "seed", "count"), Column("choices", "choices used"),
                 Column("r", "r over items")),
        rows=rows,
        first=20,
    )  # fmt: skip


def _seed_mean_table(rows: list[dict[str, Any]]) -> Table:
    groups: dict[tuple[str, str, str], list[Estimate]] = {}
    for row in rows:
        groups.setdefault((row["rater"], row["stated"], row["revealed"]), []).append(row["r"])
    return Table(
        name="seed_means",
        title="Mean over seeds",
        columns=(*_HEADS, Column("cells", "seeds", "count"), Column("r", "mean r")),
        rows=[
            dict(zip(("rater", "stated", "revealed"), key, strict=True))
            | {"cells": len(values), "r": average_cells(values, quantity="r")}
            for key, values in groups.items()
        ],
        caption="One rating and one seed's choices an item: noise of both is in these, so they lie "
        "below those above. Intervals are over seeds.",
    )


def _scatter(found: Sequence[_Both]) -> Plot:
    drawn = found[:9]
    several = len({one.revealed.cell.question for one in found}) > 1
    origins = palette(origin for one in found for origin in one.table["origin"])
    return scatters(
        [
            Cloud(
                f"{one.stated.rater}, {one.stated.question}".replace("_", " ")
                + (f" and {one.revealed.cell.question}".replace("_", " ") if several else ""),
                [
                    Point(utility, rating, origin)
                    for utility, rating, origin in one.table.select(
                        "utility", "rating", "origin"
                    ).iter_rows()
                ],
                note=f"r = {number(one.row['r'].estimate)}",
            )
            for one in drawn
        ],
        name="scatter",
        title="Stated against revealed",
        caption="Each point is one item: its mean rating over seeds against its utility from "
        "choices." + (f" The first {len(drawn)} of {len(found)}." if found[9:] else ""),
        x="utility (units of σ)",
        y="mean rating",
        colours=origins,
    )


def _dots(found: Sequence[_Both]) -> Plot:
    kinds = {
        "r": "r",
        "disattenuated": "disattenuated",
        "within": "within origins",
        "within_disattenuated": "within, disattenuated",
    }
    return dots(
        [
            Panel(
                words,
                [Dot(f"{one.stated.question} and {one.revealed.cell.question}", one.row[key],
                     one.stated.rater) for one in found],
                label=f"n ≥ {min(one.table.height for one in found)} items",
                zero=0.0,
            )
            for key, words in kinds.items()
        ],
        name="stated_revealed",
        title="Correlation of ratings with utilities",
        caption="95 % intervals over items; disattenuated values may pass 1 in a sample.",
        colours=palette(one.stated.rater for one in found),
    )  # fmt: skip


STUDY = Study(
    name="stated-revealed",
    question="Do stated ratings go with revealed preferences of the same items?",
    parameters=_StatedRevealed,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 16, "seeds": 3, "pairs": "regular:5"},
    rehearsal={
        "raters": (
            "sim/faithful(template_correlation=0.9)",
            "sim/noisy@apart(template_correlation=0.4, utility_seed=1)",
        )
    },
)
