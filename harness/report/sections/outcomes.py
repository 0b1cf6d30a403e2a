"""What became of the questions: rates of the five outcomes."""

from collections.abc import Sequence

import polars as pl

from harness.analysis.cells import Cell
from harness.report.parts.bars import stacked
from harness.report.parts.style import OUTCOME_COLOURS, Plot
from harness.report.parts.table import Column, Table
from harness.stats.outcomes import outcome_rates
from harness.text.answer import OUTCOMES

__all__ = ["NAMES", "outcome_plot", "outcome_rows", "outcome_table"]

NAMES = (Column("rater", "rater"), Column("template", "template"), Column("variant", "variant"))
"""Columns that name a cell."""

_Rows = list[dict[str, object]]


def outcome_rows(cells: Sequence[Cell]) -> _Rows:
    """One row a cell: its names, `kind`, `records`, `n` (items or pairs), each outcome's rate."""
    rows: _Rows = []
    for cell in cells:
        rates = outcome_rates(cell.frame)
        rows.append(
            cell.row
            | {"name": cell.name, "kind": cell.key["kind"], "records": cell.frame.height}
            | {"n": rates["answered"].n}
            | {"judged": _judged(cell.frame)}
            | dict(rates)
        )
    return rows


def _judged(frame: pl.DataFrame) -> float:
    """Share of the questions whose answer a judge was asked to read."""
    if "read_by" not in frame.columns or not frame.height:
        return 0.0
    return 1 - frame["read_by"].null_count() / frame.height


def _any_judged(rows: _Rows) -> bool:
    return any(row.get("judged") for row in rows)


def outcome_plot(rows: _Rows, *, name: str = "outcomes") -> Plot:
    """A bar a cell, cut by outcome."""
    return stacked(
        {str(row["name"]): {o: row[o] for o in OUTCOMES} for row in rows},  # type: ignore[misc]
        name=name,
        title="Outcomes of all questions",
        caption="Share of questions by outcome. Only answered ones enter any other figure; "
        "n counts questions.",
        colours=OUTCOME_COLOURS,
        counts={str(row["name"]): int(str(row["records"])) for row in rows},
    )


def outcome_table(rows: _Rows, *, name: str = "outcomes") -> Table:
    """The rates with Wilson intervals."""
    return Table(
        name=name,
        title="Outcome rates",
        columns=(
            *NAMES,
            Column("kind", "kind"),
            Column("records", "questions", "count"),
            Column("n", "items or pairs", "count"),
            *(Column(outcome, outcome, "share") for outcome in OUTCOMES),
            *([Column("judged", "read by a judge", "share")] if _any_judged(rows) else []),
        ),
        rows=rows,
        caption="Wilson 95 % intervals, clustered by item or unordered pair."
        + (
            " Read by a judge: the share that the rules left open and a judge was asked about, "
            "whatever came of it (--rules-only counts these as invalid)."
            if _any_judged(rows)
            else ""
        ),
    )
