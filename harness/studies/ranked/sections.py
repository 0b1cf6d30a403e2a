"""The section of one campaign: its figures, and its tables of items and origins."""

from typing import Any

import numpy as np
import polars as pl

from harness.report.parts.lines import Curve, LinePanel, lines
from harness.report.parts.style import Plot
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.utility_plots import caterpillar, origin_means, refusal_panels
from harness.report.parts.wording import POSITION
from harness.stats.intervals import estimate_of
from harness.studies.ranked.fitted import RankedCampaign, without_refused_items

__all__ = ["ranked_section"]

_ENDS = 10


def ranked_section(one: RankedCampaign, texts: dict[str, str]) -> Section:
    """Figures and tables of one campaign; `texts` by item, empty where they are not at hand."""
    at = one.number
    plots = [
        origin_means(one.cell.items, one.cell.means, name=f"origins_{at}",
                     title=f"Mean utility by origin, {one.name}"),
        caterpillar(one.cell.items, name=f"caterpillar_{at}", title=f"Utilities, {one.name}"),
    ]  # fmt: skip
    if one.trace.height > 1:
        plots.append(_convergence(one))
    if one.said.items["refused"].any():
        plots.append(
            refusal_panels(one.said.items, one.said.relation, name=f"refusal_{at}",
                           title=f"Refusal and utility, {one.name}")
        )  # fmt: skip
    return Section(
        title=one.name,
        anchor=f"campaign_{at}",
        text=tuple(str(note) for note in one.cell.analysis.summary["notes"]),
        plots=tuple(plots),
        tables=(
            _ends_table(one, texts),
            _origin_table(one),
            _quartile_table(one),
            _item_table(one),
        ),
    )


def _convergence(one: RankedCampaign) -> Plot:
    trace = {name: one.trace[name].to_list() for name in one.trace.columns}
    x = trace["comparisons"]
    return lines(
        [
            LinePanel(
                "rank correlation",
                [
                    Curve("expected ρ with the truth", x, trace["rho"], trace["rho_low"],
                         trace["rho_high"]),
                    Curve("ρ of successive fits", x, trace["successive"], dashed=True),
                ],
                x="comparisons",
                limits=(None, 1.005),
            ),
            LinePanel(
                "position effect β",
                [Curve("β", x, trace["effect"], trace["effect_low"], trace["effect_high"])],
                x="comparisons",
                marks=((0.0, ""),),
            ),
        ],
        name=f"convergence_{one.number}",
        title=f"Convergence, {one.name}",
        caption="Fitted again after each batch; bands: 95 % of the posterior. The ρ of successive "
        f"fits shares their data and reads high. {POSITION}",
        columns=2,
    )  # fmt: skip


def _item_rows(one: RankedCampaign) -> list[dict[str, Any]]:
    rest = without_refused_items(one)
    state = {True: "refused", False: "not refused"}
    return [
        {"rank": row["rank"], "ranks": f"{row['rank_low']}–{row['rank_high']}"}
        | {"item": row["item"], "origin": row["origin"], "se": row["se"]}
        | {"utility": estimate_of(row | {"n": round(row["comparisons"])}, key="utility")}
        | {"without": rest.get(row["item"]), "comparisons": row["comparisons"]}
        | {"refused": state[one.said.refused[row["item"]]]
           if one.said.completed and row["item"] in one.said.refused else "not completed"}
        for row in one.cell.items.iter_rows(named=True)
    ]  # fmt: skip


def _item_table(one: RankedCampaign) -> Table:
    return Table(
        name=f"items_{one.number}",
        title="Items, best first",
        columns=(
            Column("rank", "rank", "count"),
            Column("ranks", "rank, 95 %"),
            Column("item", "item"),
            Column("origin", "origin"),
            Column("utility", "utility, all items"),
            Column("without", "utility, without refused"),
            Column("se", "se"),
            Column("comparisons", "comparisons", "count"),
            Column("refused", "completion"),
        ),
        rows=_item_rows(one),
        caption="In units of σ, mean 0 over the items of each fit; the second is of a fit without "
        "the items that were refused. Not completed: whether it is refused is not known.",
        first=20,
    )


def _ends_table(one: RankedCampaign, texts: dict[str, str]) -> Table:
    rows = _item_rows(one)
    ends = rows if len(rows) <= 2 * _ENDS else [*rows[:_ENDS], *rows[-_ENDS:]]
    return Table(
        name=f"ends_{one.number}",
        title="Top and bottom items",
        columns=(
            Column("rank", "rank", "count"),
            Column("item", "item"),
            Column("origin", "origin"),
            Column("utility", "utility"),
            Column("refused", "completion"),
            *([Column("text", "text", "excerpt")] if texts else []),
        ),
        rows=[row | {"text": texts.get(row["item"], "")} for row in ends],
    )


def _origin_table(one: RankedCampaign) -> Table:
    values: dict[str, list[float]] = {}
    origins = dict(one.cell.items.select("item", "origin").iter_rows())
    for item, estimate in without_refused_items(one).items():
        values.setdefault(origins[item], []).append(estimate.estimate)
    spread = dict(one.cell.items.group_by("origin").agg(pl.col("utility").std()).iter_rows())
    return Table(
        name=f"by_origin_{one.number}",
        title="Mean utility by origin",
        columns=(
            Column("origin", "origin"),
            Column("n", "items", "count"),
            Column("mean", "mean μ"),
            Column("sd", "sd", "number"),
            Column("without", "mean without refused items", "number"),
            Column("left", "items left", "count"),
        ),
        rows=[
            one.cell.cell.row
            | {"origin": origin, "n": mean.n, "mean": mean, "sd": spread[origin]}
            | {
                "without": float(np.mean(values[origin])) if origin in values else None,
                "left": len(values[origin]) if origin in values else None,
            }
            for origin, mean in one.cell.means.items()
        ],
        caption="Intervals are for these items, not for a population of such items.",
    )


def _quartile_table(one: RankedCampaign) -> Table:
    return Table(
        name=f"quartiles_{one.number}",
        title="Refusal by quartile of utility",
        columns=(
            Column("quartile", "quartile, 1 the lowest", "count"),
            Column("low_value", "from", "number"),
            Column("high_value", "to", "number"),
            Column("n", "items", "count"),
            Column("rate", "refused", "share"),
        ),
        rows=[
            row | {"rate": estimate_of(row, key="rate")}
            for row in one.said.relation.quartiles.iter_rows(named=True)
        ],
        caption="Over the items that were judged.",
    )
