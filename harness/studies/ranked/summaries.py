"""Tables over all campaigns, and their utilities as one file."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from harness.analysis.utilities import fitted_position
from harness.items.formulas import defused_table
from harness.report.parts.table import Column, Table
from harness.report.parts.wording import POSITION
from harness.report.sections.outcomes import NAMES
from harness.studies.ranked.fitted import RankedCampaign

__all__ = ["main_table", "refusal_table", "rests_table", "utilities_csv"]


def main_table(found: Sequence[RankedCampaign]) -> Table:
    """Each campaign's size, expected ρ, position effect and held-out scores."""
    return Table(
        name="utilities",
        title="Campaigns",
        columns=(
            *NAMES,
            Column("items", "items", "count"),
            Column("comparisons", "comparisons", "count"),
            Column("each", "an item"),
            Column("rho", "ρ with the truth, expected"),
            Column("within", "within origins"),
            Column("position", "position β"),
            Column("accuracy", "held-out accuracy", "share"),
            Column("nll", "held-out NLL"),
        ),
        rows=[
            one.cell.cell.row
            | {
                "items": one.cell.items.height,
                "comparisons": round(one.cell.analysis.summary["comparisons"]),
                "each": 2 * one.cell.analysis.summary["comparisons"] / one.cell.items.height,
                "rho": one.rho,
                "within": one.cell.analysis.summary["expected_rho_within_origin"],
                "position": fitted_position(one.cell.analysis),
                "accuracy": one.cell.analysis.summary["heldout_accuracy"],
                "nll": one.cell.analysis.summary["heldout_nll"],
            }
            for one in found
        ],
        caption=f"Utilities in units of the response noise σ. {POSITION} "
        "Held-out scores are of pairs drawn at random alone; a coin's NLL is .693.",
    )


def refusal_table(found: Sequence[RankedCampaign]) -> Table:
    """Refusal's relation to utility in each campaign."""
    rows = []
    for one in found:
        relation = one.said.relation
        means = {row["refused"]: row for row in relation.means.iter_rows(named=True)}
        count = means[True]["n"]
        rows.append(
            one.cell.cell.row
            | {"judge": one.said.judge, "items": one.said.items.height, "refused": count}
            | {"mean_refused": means[True]["mean"], "mean_others": means[False]["mean"]}
            | {"r": relation.point_biserial, "p": relation.point_biserial.p}
            | {"within": relation.within_origin, "p_within": relation.within_origin.p}
            | {"lower": relation.lower}
        )
    return Table(
        name="refusal",
        title="Refusal and utility",
        columns=(
            *NAMES,
            Column("judge", "judged by"),
            Column("items", "items judged", "count"),
            Column("refused", "refused", "count"),
            Column("mean_refused", "mean μ refused", "number"),
            Column("mean_others", "not refused", "number"),
            Column("r", "r"),
            Column("p", "p", "p"),
            Column("within", "r within origins"),
            Column("p_within", "p within", "p"),
            Column("lower", "P(refused below other)"),
        ),
        rows=rows,
        caption="Point-biserial r over the items judged, p and interval by permutation; within "
        "origins the permutation stays inside each. Both were named beforehand.",
    )


def rests_table(found: Sequence[RankedCampaign]) -> Table:
    """By origin, how many items are compared, and how many of them completed and judged."""
    rows: list[dict[str, Any]] = []
    for one in found:
        judged = dict(one.said.items.group_by("origin").len().iter_rows())
        for origin, mean in one.cell.means.items():
            done = judged.get(origin, 0) if one.said.completed else 0
            rows.append(one.cell.cell.row | {"origin": origin, "items": mean.n, "completed": done})
    return Table(
        name="rests_on",
        title="Items that figures rest on",
        columns=(
            *NAMES,
            Column("origin", "origin"),
            Column("items", "items compared", "count"),
            Column("completed", "completed and judged", "count"),
        ),
        rows=rows,
        caption="Utilities, means by origin, convergence and position rest on all items that were "
        "compared; the refusal table and figure, the quartiles and the utilities without refused "
        "items on those completed and judged.",
    )


def utilities_csv(found: Sequence[RankedCampaign]) -> str:
    """All utilities of all campaigns, one row an item."""
    parts = []
    for one in found:
        rest = pl.DataFrame(schema={"item": pl.String}) if one.rest is None else one.rest
        columns = ("item", "utility", "se", "low", "high")
        rest = rest.select([name for name in columns if name in rest.columns])
        marks = pl.DataFrame(
            {"item": list(one.said.refused), "completion_refused": list(one.said.refused.values())},
            schema={"item": pl.String, "completion_refused": pl.Boolean},
        )
        table = one.cell.items.drop("refused", "refused_share").join(
            marks if one.said.completed else marks.clear(), on="item", how="left",
            maintain_order="left",
        )  # fmt: skip
        if one.rest is not None:
            table = table.join(
                rest, on="item", how="left", suffix="_without_refused", maintain_order="left"
            )
        parts.append(table.select(
            *(pl.lit(value).alias(name) for name, value in one.cell.cell.row.items()), pl.all()
        ))  # fmt: skip
    return defused_table(pl.concat(parts, how="diagonal")).write_csv()
