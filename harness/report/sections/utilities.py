"""Utilities: which items are preferred, how surely, and what refusal has to do with it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from harness.analysis.names import slugs
from harness.analysis.utilities import UtilityCell, fitted_position
from harness.report.parts.style import Plot
from harness.report.parts.table import Column, Section, Table, drawn_first
from harness.report.parts.utility_plots import caterpillar, origin_means, refusal_panels, trace_plot
from harness.report.parts.wording import POSITION
from harness.report.sections.outcomes import NAMES
from harness.stats.intervals import estimate_of

__all__ = ["utility_findings", "utility_section"]


def utility_findings(found: Sequence[UtilityCell]) -> Table:
    """The main table: one row a fit."""
    rows: list[dict[str, Any]] = []
    for one in found:
        summary = one.analysis.summary
        rows.append(
            one.cell.row
            | {"position_effect": fitted_position(one.analysis), "best": one.items["item"][0]}
            | {"worst": one.items["item"][-1], "refusal_r": one.refusal.point_biserial}
            | {"refusal_r_within": one.refusal.within_origin}
            | {name: summary[name] for name in _SUMMARY}
        )
    return Table(
        name="utilities",
        title="Utilities: main findings",
        columns=(
            *NAMES,
            Column("items", "items", "count"),
            Column("comparisons", "comparisons", "count"),
            Column("expected_rho", "expected ρ with the truth"),
            Column("expected_rho_within_origin", "within origin"),
            Column("position_effect", "position effect β"),
            Column("heldout_accuracy", "held-out accuracy", "share"),
            Column("refusal_r", "r with refusal"),
            Column("refusal_r_within", "within origin"),
            Column("components", "graph parts", "count"),
        ),
        rows=rows,
        caption="Thurstonian fit with the position effect in the model, in units of the response "
        f"noise σ. {POSITION} Expected ρ is the rank correlation with the true utilities that the "
        "posterior expects; origin means alone raise it, so the one within origins stands beside "
        "it.",
    )


_SUMMARY = ("items", "comparisons", "expected_rho", "expected_rho_within_origin",
            "heldout_accuracy", "components")  # fmt: skip


def utility_section(
    found: Sequence[UtilityCell],
    notes: Sequence[str],
    texts: Mapping[str, str],
    *,
    drawn: int | None = None,
) -> Section:
    """A part for each fit, the first `drawn` with figures.

    `texts` are items' texts by id, as far as they are known.
    """
    names = slugs(one.cell.name for one in found)
    return Section(
        title="Utilities",
        anchor="utilities",
        text=tuple(notes),
        parts=drawn_first(
            [_cell_section(one, names[one.cell.name], texts) for one in found], drawn
        ),
    )


def _cell_section(one: UtilityCell, name: str, texts: Mapping[str, str]) -> Section:
    plots: list[Plot] = [
        caterpillar(one.items, name=f"utilities_{name}", title=f"Utilities, {one.cell.name}"),
        origin_means(
            one.items,
            one.means,
            name=f"utility_by_origin_{name}",
            title=f"Utility by origin, {one.cell.name}",
        ),
    ]
    if one.items["refused"].any() or (one.items["refused_share"] > 0).any():
        plots.append(
            refusal_panels(
                one.items,
                one.refusal,
                name=f"refusal_{name}",
                title=f"Refusal and utility, {one.cell.name}",
            )
        )
    if one.trace.height:
        plots.append(
            trace_plot(one.trace, name=f"trace_{name}", title=f"Convergence, {one.cell.name}")
        )
    return Section(
        title=one.cell.name,
        anchor=f"utilities_{name}",
        about=one.cell.row,
        text=tuple(_said(one)),
        plots=tuple(plots),
        tables=(
            _item_table(one, name, texts),
            _mean_table(one, name),
            _win_table(one, name),
            *([_refusal_table(one, name)] if one.items["refused"].any() else []),
            *([_sensitivity_table(one, name)] if one.sensitivity else []),
        ),
    )


def _said(one: UtilityCell) -> list[str]:
    summary = one.analysis.summary
    said = [str(note) for note in summary["notes"]]
    without = summary.get("without_position")
    if without:
        said.append(
            f"Left out of the model, the position effect changes utilities by at most "
            f"{without['largest_change']:.2f} (r = {without['pearson']:.3f} with those shown)."
        )
    return said


def _item_table(one: UtilityCell, name: str, texts: Mapping[str, str]) -> Table:
    return Table(
        name=f"utilities_{name}",
        title="Items, best first",
        columns=(
            Column("rank", "rank", "count"),
            Column("ranks", "rank, 95 %"),
            Column("item", "item"),
            Column("origin", "origin"),
            Column("utility", "utility"),
            Column("se", "se"),
            Column("comparisons", "comparisons", "count"),
            Column("refused_share", "questions refused", "share"),
            Column("refused", "refused"),
            *([Column("text", "text", "excerpt")] if texts else []),
        ),
        rows=[
            row
            | {"ranks": f"{row['rank_low']}–{row['rank_high']}", "text": texts.get(row["item"], "")}
            | {"utility": estimate_of(row | {"n": round(row["comparisons"])}, key="utility")}
            for row in one.items.iter_rows(named=True)
        ],
        caption="Utilities have mean 0. An item counts as refused when its completion is a "
        "refusal or, without completions, when at least half of its questions were refused.",
        first=20,
    )


def _mean_table(one: UtilityCell, name: str) -> Table:
    return Table(
        name=f"utility_by_origin_{name}",
        title="Mean utility by origin",
        columns=(
            Column("origin", "origin"),
            Column("items", "items", "count"),
            Column("mean", "mean utility"),
        ),
        rows=[
            {"origin": origin, "items": mean.n, "mean": mean} for origin, mean in one.means.items()
        ],
        caption="Intervals are for these items, not for a population of such items.",
    )


def _win_table(one: UtilityCell, name: str) -> Table:
    rows = one.win_rates
    only = "pairs drawn at random alone" if rows["random"].any() else "all answered pairs"
    return Table(
        name=f"win_rates_{name}",
        title="Win rates between origins",
        columns=(
            Column("origin", "origin"),
            Column("opponent", "against"),
            Column("comparisons", "comparisons", "count"),
            Column("rate", "win rate", "share"),
            Column("model", "by the fit", "share"),
        ),
        rows=[
            row | {"rate": estimate_of(row | {"n": round(row["comparisons"] or 0)}, key="rate")}
            for row in rows.iter_rows(named=True)
        ],
        caption=f"Counted over {only}, with Clopper–Pearson intervals; beside them what the fit "
        "expects without the position effect, over all items of both origins.",
        first=12,
    )


def _refusal_table(one: UtilityCell, name: str) -> Table:
    found = one.refusal
    tests = {
        "point-biserial r of refusal with utility": found.point_biserial,
        "the same within origins": found.within_origin,
        "a refused item lies below one not refused": found.lower,
    }
    return Table(
        name=f"refusal_{name}",
        title="Refusal and utility",
        columns=(
            Column("quantity", "quantity"),
            Column("estimate", "estimate"),
            Column("p", "p"),
            Column("test", "test"),
            Column("note", "note"),
        ),
        rows=[
            {"quantity": quantity, "estimate": value, "p": _p(value.p)}
            | {"test": value.test, "note": value.note}
            for quantity, value in tests.items()
        ],
    )


def _sensitivity_table(one: UtilityCell, name: str) -> Table:
    return Table(
        name=f"sensitivity_{name}",
        title="What refusals change",
        columns=(
            Column("run", "fitted again"),
            Column("items", "items in both", "count"),
            Column("pearson", "r with the utilities shown"),
            Column("largest_change", "largest change of one"),
        ),
        rows=[asdict(run) for run in one.sensitivity],
        caption="Refused questions never enter the utilities shown.",
    )


def _p(value: float) -> str:
    if not np.isfinite(value):
        return "–"
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")
