"""Utilities of a cell: the fit, what refusal has to do with it, and how far it depends on it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from harness.analysis.cells import Cell
from harness.analysis.universe import over_drawn
from harness.errors import UsageError
from harness.stats.choices.questions import outcome_rates, questions_from_records
from harness.stats.choices.sensitivity import Sensitivity, refused_items, sensitivity
from harness.stats.choices.utilities import Analysis, analyse_records
from harness.stats.choices.winrates import group_win_rates, model_win_rates
from harness.stats.effects.refusal import RefusalPreference, refusal_preference
from harness.stats.intervals import Bootstrap, Estimate, estimate_of
from harness.stats.thurstone.fit import Fit
from harness.stats.thurstone.table import group_means

__all__ = ["ENOUGH", "UtilityCell", "enough", "fitted_position", "utility_cells"]

ENOUGH = 2.0
"""Answered comparisons an item below which no utilities are fitted for the report."""

_FEWEST_ITEMS = 4


@dataclass(frozen=True)
class UtilityCell:
    """A fit of one cell, over the universe of wordings where several were drawn (`universe`).
    `items` has one row an item, best first: the fit's table with origin,
    share of questions refused, and whether the item counts as refused. `sensitivity` are other fits
    against this one. `win_rates` has one row an ordered pair of origins: rates counted (over pairs
    drawn at random alone where `random`) and by the fit. `trace` is the campaign's, empty without
    one."""

    cell: Cell
    analysis: Analysis
    items: pl.DataFrame
    means: dict[str, Estimate]
    refusal: RefusalPreference
    sensitivity: list[Sensitivity]
    win_rates: pl.DataFrame
    trace: pl.DataFrame


def utility_cells(
    cells: Sequence[Cell],
    *,
    bootstrap: Bootstrap,
    traces: Mapping[str, pl.DataFrame],
    step: Callable[[], None] = lambda: None,
) -> tuple[list[UtilityCell], list[str]]:
    """Fits of the cells with enough comparisons, and a line for each that has none.

    `traces` are campaigns' traces by log.
    """
    done: list[UtilityCell] = []
    notes: list[str] = []
    for cell in cells:
        if not enough(cell.frame):
            items, answered = _counts(cell.frame)
            notes.append(
                f"{cell.name}: no utilities, {answered} answered comparisons of {items} "
                f"items (they are fitted from {ENOUGH:g} an item and {_FEWEST_ITEMS} items on)"
            )
        else:
            try:
                done.append(_fit(cell, bootstrap, traces))
            except UsageError as error:
                notes.append(f"{cell.name}: no utilities, {error}")
        step()
    return done, notes


def _fit(cell: Cell, bootstrap: Bootstrap, traces: Mapping[str, pl.DataFrame]) -> UtilityCell:
    joint = over_drawn(cell, seed=bootstrap.seed) if cell.over else None
    if joint is not None:
        analysis = joint.analysis
    else:
        analysis = analyse_records(cell.frame, seed=bootstrap.seed, where=cell.name)
    origins = [origin or "unknown" for origin in analysis.origins]
    means = group_means(analysis.fit, origins) if joint is None else joint.means(origins)
    origin_of = pl.DataFrame({"item": analysis.fit.data.items, "origin": origins})
    questions = questions_from_records(cell.frame)
    rates = outcome_rates(questions)
    if "refused" not in rates.columns:
        rates = rates.with_columns(refused=pl.lit(0.0))
    items = (
        analysis.table.join(origin_of, on="item", how="left", maintain_order="left")
        .join(
            rates.select("item", refused_share="refused"),
            on="item",
            how="left",
            maintain_order="left",
        )
        .with_columns(refused=pl.col("item").is_in(refused_items(questions)))
    )
    refusal = refusal_preference(
        items["refused"].to_numpy(),
        items["utility"].to_numpy(),
        bootstrap=bootstrap,
        origins=items["origin"].to_list(),
    )
    logs = cell.frame["log"].unique().to_list()
    return UtilityCell(
        cell=cell,
        analysis=analysis,
        items=items,
        means={row["group"]: estimate_of(row, key="mean") for row in means.iter_rows(named=True)},
        refusal=refusal,
        sensitivity=sensitivity(questions, analysis.fit),
        win_rates=_win_rates(questions, analysis.fit, origins),
        trace=next((traces[log] for log in logs if log in traces), pl.DataFrame()),
    )


def _win_rates(questions: pl.DataFrame, fitted: Fit, origins: list[str]) -> pl.DataFrame:
    model = model_win_rates(fitted, origins).rename({"rate": "model"})
    counted = group_win_rates(questions)
    return model.join(counted, on=["origin", "opponent"], how="left", maintain_order="left")


def fitted_position(analysis: Analysis) -> Estimate:
    """The position effect of a fit; `n` counts comparisons."""
    summary = analysis.summary
    return estimate_of(
        {
            "estimate": summary["position_effect"],
            "low": summary["position_effect_low"],
            "high": summary["position_effect_high"],
            "n": round(summary["comparisons"]),
        }
    )


def enough(frame: pl.DataFrame) -> bool:
    """Whether utilities are fitted from these records of one cell."""
    items, answered = _counts(frame)
    return items >= _FEWEST_ITEMS and answered >= ENOUGH * items


def _counts(frame: pl.DataFrame) -> tuple[int, int]:
    answered = frame.filter(pl.col("outcome") == "answered")
    items = pl.concat([answered["item_first"], answered["item_second"]]).n_unique()
    return items, answered.height
