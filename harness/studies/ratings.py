"""Rater × template: the design that many studies of ratings share, and its tables and figures."""

import math
from collections.abc import Mapping, Sequence

from harness.analysis.names import slugs
from harness.analysis.ratings import RatingCell
from harness.errors import UsageError
from harness.report.parts.bars import Distribution, distributions
from harness.report.parts.dots import Dot, Panel, dots
from harness.report.parts.heatmap import Grid, heatmaps
from harness.report.parts.scatter import LABELLED, Cloud, Point, scatters
from harness.report.parts.style import Plot, palette
from harness.report.parts.table import Column, Table
from harness.report.sections.outcomes import NAMES
from harness.stats.intervals import Estimate, average_cells
from harness.studies.study import Contrast, Parameters, StudyDesign, crossed

__all__ = [
    "averages",
    "cell_table",
    "distribution_plots",
    "dot_plot",
    "heatmap",
    "opposed",
    "rater_by_template",
    "said",
]

SHARES = ("modal_share", "discrimination_rate", "floor_share", "answered", "refused", "invalid")


def rater_by_template(
    given: Parameters,
    primary: Sequence[str],
    *,
    repeats: int = 1,
    contrasts: Sequence[Contrast] = (),
    options: Mapping[str, str] | None = None,
) -> StudyDesign:
    """Every rater in every template; UsageError where the seeds are fewer than needed. `options`
    are those of every cell."""
    if given.seeds < repeats:
        raise UsageError(
            f"seeds={given.seeds}; agreement of repeats needs at least {repeats} (--seeds)"
        )
    return StudyDesign(
        crossed(given, [({}, options or {})]),
        tuple(primary),
        tuple(contrasts),
    )


def cell_table(
    found: Sequence[RatingCell], columns: Mapping[str, str], *, name: str, title: str, caption: str
) -> Table:
    """Quantities of each cell."""
    return Table(
        name=name,
        title=title,
        columns=(*NAMES, *(_column(key, words) for key, words in columns.items())),
        rows=[one.cell.row | {key: one.quantities.get(key) for key in columns} for one in found],
        caption=f"{caption} n and cells stand in the CSV; brackets: 95 % intervals over items.",
    )


def averages(
    found: Sequence[RatingCell], columns: Mapping[str, str], *, by: str, name: str
) -> Table:
    """Means over the cells of each rater or template, which count the cells that they average."""
    groups: dict[str, list[RatingCell]] = {}
    for one in found:
        groups.setdefault(str(one.cell.row[by]), []).append(one)
    rows = []
    for key, group in groups.items():
        row: dict[str, object] = {by: key, "cells": len(group)}
        for column in columns:
            cells = [one.quantities[column] for one in group]
            row[column] = average_cells(cells, quantity=column)
        rows.append(row)
    return Table(
        name=name,
        title=f"By {by}, averaged over cells",
        columns=(
            Column(by, by),
            Column("cells", "cells", "count"),
            *(_column(key, words) for key, words in columns.items()),
        ),
        rows=rows,
        caption="Each cell counts alike; intervals are over cells, so they need at least two.",
    )


def heatmap(found: Sequence[RatingCell], quantity: str, *, title: str, caption: str) -> Plot:
    """Rater × template."""
    asked = _asked(found)
    return heatmaps(
        [
            Grid(
                title,
                sorted({one.cell.rater for one in found}),
                list(dict.fromkeys(asked)),
                {
                    (one.cell.rater, question): one.quantities[quantity]
                    for one, question in zip(found, asked, strict=True)
                },
                limits=None if quantity.startswith("kl") else (0.0, 1.0),
            )
        ],
        name=f"heatmap_{quantity}",
        title=title,
        caption=caption,
        rows="rater",
        columns="template",
    )


def distribution_plots(found: Sequence[RatingCell]) -> tuple[Plot, ...]:
    """Ratings over the declared levels: a figure a template, a panel a rater."""
    plots = []
    names = slugs(one.cell.question for one in found)
    colours = palette(one.cell.rater for one in found)
    for question in names:
        drawn = [one for one in found if one.cell.question == question and one.levels is not None]
        if drawn:
            plots.append(
                distributions(
                    [
                        Distribution(one.cell.rater, one.levels.labels, one.shares, one.answers)
                        for one in drawn
                        if one.levels is not None
                    ],
                    name=f"distribution_{names[question]}",
                    title=f"Ratings in {question}, by rater",
                    caption="Share of answers at each declared level, with 95 % intervals "
                    "clustered by item; dashed: all levels alike.",
                    colours=colours,
                )
            )
    return tuple(plots)


def dot_plot(
    found: Sequence[RatingCell], quantities: Mapping[str, str], *, name: str, title: str
) -> Plot:
    """A panel a quantity, a row a template, a colour a rater."""
    smallest = min((one.quantities[key].n for one in found for key in quantities), default=0)
    return dots(
        [
            Panel(
                words,
                [
                    Dot(asked, one.quantities[key], one.cell.rater)
                    for one, asked in zip(found, _asked(found), strict=True)
                ],
                label=f"n ≥ {smallest} items",
                zero=0.0,
            )
            for key, words in quantities.items()
        ],
        name=name,
        title=title,
        caption="95 % intervals, bootstrap over items; an empty place: not defined.",
        colours=palette(one.cell.rater for one in found),
    )


def opposed(
    found: Sequence[RatingCell],
    x: tuple[str, str],
    y: tuple[str, str],
    *,
    name: str,
    title: str,
    diagonal: bool = False,
) -> Plot:
    """One quantity against another, a point a cell, a colour a rater; a panel a rater where one
    panel could not name its points."""
    raters = sorted({one.cell.rater for one in found})
    apart = [[rater] for rater in raters] if len(found) > LABELLED else [raters]
    points = [
        Point(one.quantities[x[0]].estimate, one.quantities[y[0]].estimate, one.cell.rater, asked)
        for one, asked in zip(found, _asked(found), strict=True)
    ]
    return scatters(
        [
            Cloud(
                title if len(apart) == 1 else shown[0],
                [point for point in points if point.series in shown],
                diagonal=diagonal,
            )
            for shown in apart
        ],
        name=name,
        title=title,
        caption="Each point is one rater and template; n counts the cells where both are defined.",
        x=x[1],
        y=y[1],
        colours=palette(one.cell.rater for one in found),
        limits=None
        if len(apart) == 1
        else (_room([p.x for p in points]), _room([p.y for p in points])),
    )


def _room(values: Sequence[float]) -> tuple[float, float]:
    """Limits that hold the finite values, with a margin."""
    known = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    margin = 0.08 * (max(known) - min(known)) or 0.5
    return min(known) - margin, max(known) + margin


def _asked(found: Sequence[RatingCell]) -> list[str]:
    """What each cell was asked, without a variant that is that of all."""
    if len({one.cell.variant for one in found}) == 1:
        return [one.cell.template for one in found]
    return [one.cell.question for one in found]


def _column(key: str, words: str) -> Column:
    return Column(key, words, "share" if key in SHARES else "text")


def said(value: Estimate) -> str:
    """How many units and cells stand behind a value."""
    return f"{value.n} items" + (f", {value.cells} cells" if value.cells > 1 else "")
