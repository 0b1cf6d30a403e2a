"""Does a rater rate its own completions differently?"""

from functools import partial

import numpy as np
import polars as pl

from harness.errors import UsageError
from harness.report.parts.dots import Dot, Panel, dots
from harness.report.parts.heatmap import Grid, heatmaps
from harness.report.parts.style import palette
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.wording import shown
from harness.stats.effects.diagonal import SelfCross, rating_cells, self_vs_cross
from harness.stats.effects.power import smallest_diagonal
from harness.stats.intervals import Bootstrap, Estimate, FloatArray, mean_interval
from harness.studies.planted import Planted
from harness.studies.rehearsed import found_cells
from harness.studies.study import (
    Basis,
    Contrast,
    Found,
    Given,
    Parameters,
    Quantity,
    Study,
    StudyDesign,
    rating_cell,
)

__all__ = ["STUDY", "matched_cells"]

_COLUMNS = {
    "mean": "mean",
    "icc": "ICC(1,1)",
    "kl_uniform_normalised": "KL ÷ ln K",
    "modal_share": "at the mode",
    "floor_share": "at the floor",
}


class _SelfVsCross(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of self-vs-cross: the raters are the completers too."""

    templates: tuple[str, ...] = ("fruit_rating", "anchored_precise_1_5")


def _design(given: _SelfVsCross) -> StudyDesign:
    if len(given.raters) < 3:
        raise UsageError(
            f"self-vs-cross with {len(given.raters)} models; it needs three or more (--models "
            "A,B,C), since two leave nothing to tell lenience from the self"
        )
    if given.completers and given.completers != given.raters:
        raise UsageError("completers of self-vs-cross are its raters; leave --completer away")
    return StudyDesign(
        tuple(
            rating_cell(
                given,
                rater,
                template,
                completer=completer,
                levels={"rater": rater, "completer": completer, "template": template},
            )
            for template in given.templates
            for rater in given.raters
            for completer in given.raters
        ),
        ("self less cross, in an additive model of rater and completer, for each template",),
        (Contrast("self less cross", partial(_smallest, models=len(given.raters))),),
    )


def _smallest(basis: Basis, *, models: int) -> float:
    return smallest_diagonal(basis.spread, items=basis.items, repeats=basis.repeats, models=models)


def _analyse(given: Given) -> Found:
    ratings = given.ratings
    found = found_cells(given)
    models = sorted(ratings["rater"].unique())
    rows, dotted, measured, grids, sentences = [], [], [], [], []
    for (template,), part in sorted(ratings.partition_by("template", as_dict=True).items()):
        names, items, cells = matched_cells(part, str(template))
        result = self_vs_cross(cells, bootstrap=given.bootstrap)
        rows.append(_row(str(template), result))
        key = part.row(0, named=True)
        truth = partial(_planted, key=key, items=items, names=names)
        measured.append(Quantity(f"self less cross, {template}", result.by_item, truth))
        sentences.append(
            f"{template}: self less cross {shown(result.by_item)} ({result.by_item.n} items, "
            f"{len(names) ** 2} cells), p {result.by_item.p:.3f} by assignments over items."
        )
        dotted.append(_self_cross(str(template), names, cells))
        here = [one for one in found if one.cell.template == template]
        grids += [
            Grid(
                f"{words}, {template}",
                models,
                models,
                {(one.cell.rater, str(one.cell.key["completer"])): one.quantities[name]
                 for one in here},
            )
            for name, words in {"mean": "mean rating", "icc": "ICC(1,1)"}.items()
        ]  # fmt: skip
    return Found(
        sentences=sentences,
        tables=[_table(rows)],
        sections=[
            Section(
                title="Rater by completer",
                anchor="matrix",
                plots=(
                    heatmaps(grids, name="matrix", title="Rater by completer",
                             caption="Rows rate what columns completed; the diagonal is the self. "
                             "n counts items.", rows="rater", columns="completer"),
                    dots(dotted, name="self_cross", title="Self against cross",
                         caption="Mean of a rater over its own completions and over those of "
                         "others, on items rated in every cell; 95 % intervals over items.",
                         colours=palette(["self", "cross"])),
                ),
                tables=(
                    Table(
                        name="cells",
                        title="Every cell",
                        columns=(
                            Column("rater", "rater"),
                            Column("completer", "completer"),
                            Column("template", "template"),
                            *(Column(name, words, "share" if "share" in name else "text")
                              for name, words in _COLUMNS.items()),
                        ),
                        rows=[
                            {"rater": one.cell.rater, "completer": one.cell.key["completer"],
                             "template": one.cell.template}
                            | {name: one.quantities[name] for name in _COLUMNS}
                            for one in found
                        ],
                    ),
                ),
            )
        ],
        measured=measured,
    )  # fmt: skip


def matched_cells(
    part: pl.DataFrame, template: str
) -> tuple[tuple[str, ...], tuple[str, ...], FloatArray]:
    """Cells over the same items; UsageError where cells were asked about different ones."""
    asked = part.group_by("rater", "completer").agg(pl.col("item").unique().sort())
    if asked["item"].n_unique() > 1:
        sizes = sorted({len(items) for items in asked["item"]})
        raise UsageError(
            f"self-vs-cross, {template}: cells over different items ({', '.join(map(str, sizes))} "
            "of them); easier items would pass for a liking of the self, so each rater must rate "
            "the same items of each completer"
        )
    names, items, cells = rating_cells(part)
    if np.isnan(cells).all(axis=0).any() or len(names) < 3:
        raise UsageError(
            f"self-vs-cross, {template}: needs three models or more, each rating every one's "
            f"completions; found {', '.join(names) or 'none that is both'}"
        )
    return names, items, cells


def _planted(
    planted: Planted, *, key: dict[str, object], items: tuple[str, ...], names: tuple[str, ...]
) -> float:
    cells = np.empty((len(items), len(names), len(names)))
    for i, rater in enumerate(names):
        for j, completer in enumerate(names):
            cells[:, i, j] = planted.means(key | {"rater": rater, "completer": completer}, items)
    return self_vs_cross(cells, bootstrap=Bootstrap(resamples=0)).by_item.estimate


def _row(template: str, result: SelfCross) -> dict[str, object]:
    return {
        "template": template,
        "by_item": result.by_item,
        "p_by_item": result.by_item.p,
        "effect": result.effect,
        "p_cells": result.effect.p,
        "permutation_p": result.permutation_p,
        "permutations": result.permutations,
    }


def _table(rows: list[dict[str, object]]) -> Table:
    return Table(
        name="self_vs_cross",
        title="Self less cross",
        columns=(
            Column("template", "template"),
            Column("by_item", "over items"),
            Column("p_by_item", "p", "p"),
            Column("effect", "over cells"),
            Column("p_cells", "p, t over cells", "p"),
            Column("permutation_p", "p, permutation", "p"),
            Column("permutations", "assignments", "count"),
        ),
        rows=rows,
        caption="Additive model: rater + completer + self. p by reassigning which completer is "
        "whose; a bias towards one completer that all share is the completer's, not the self's. "
        "Named beforehand: over items, one test a template.",
    )


def _self_cross(template: str, names: tuple[str, ...], cells: FloatArray) -> Panel:
    marks = []
    complete = cells[np.isfinite(cells).all(axis=(1, 2))]
    for i, name in enumerate(names):
        others = [j for j in range(len(names)) if j != i]
        both: tuple[tuple[str, Estimate], ...] = (
            ("self", mean_interval(complete[:, i, i])),
            ("cross", mean_interval(complete[:, i, others].mean(axis=1))),
        )
        marks += [Dot(name, value, series) for series, value in both]
    return Panel(template, marks, label=f"mean rating, n = {len(complete)} items")


STUDY = Study(
    name="self-vs-cross",
    question="Does a rater rate its own completions differently?",
    parameters=_SelfVsCross,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 8, "seeds": 2},
    rehearsal={
        "raters": (
            "sim/faithful(voice=1, self_preference=0.4, bias_2=0.3)",
            "sim/noisy(voice=2, self_preference=0.4, bias_2=0.3)",
            "sim/contrarian(voice=3, self_preference=0.4, bias_2=0.3)",
            "sim/faithful@fourth(voice=4, self_preference=0.4, bias_2=0.3, utility_seed=4)",
        )
    },
)
