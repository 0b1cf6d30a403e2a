"""Ratings: how they spread, what they average, and whether they repeat."""

import math
from collections.abc import Iterable, Sequence

from harness.analysis.names import slugs
from harness.analysis.ratings import RatingCell
from harness.report.parts.bars import Distribution, distributions
from harness.report.parts.dots import Dot, Panel, dots
from harness.report.parts.style import Plot
from harness.report.parts.table import Column, Section, Table, drawn_first
from harness.report.sections.outcomes import NAMES
from harness.stats.intervals import Estimate, average_cells

__all__ = ["rating_findings", "rating_section"]


def rating_findings(found: Sequence[RatingCell]) -> Table:
    """The main table: one row a cell."""
    rows = [
        one.cell.row
        | {"items": one.cell.frame["item"].n_unique(), "records": one.cell.frame.height}
        | {name: one.quantities[name] for name in _FINDINGS}
        for one in found
    ]
    return Table(
        name="ratings",
        title="Ratings: main findings",
        columns=(
            *NAMES,
            Column("items", "items", "count"),
            Column("records", "questions", "count"),
            Column("answered", "answered", "share"),
            Column("mean", "mean rating"),
            Column("icc", "ICC(1,1)"),
            Column("cross_seed_r", "cross-seed r"),
            Column("kl_uniform_normalised", "KL ÷ ln K"),
            Column("modal_share", "modal share", "share"),
        ),
        rows=rows,
        caption="Mean on the template's own scale. ICC(1,1) and cross-seed r say how far repeats "
        "agree; KL from uniform, divided by its maximum ln K, is 0 when every declared level is "
        "used alike and 1 when one level is used alone; with few answers it reads high, and its "
        "interval may lie below it. Brackets: 95 % intervals over items.",
    )


_FINDINGS = ("answered", "mean", "icc", "cross_seed_r", "kl_uniform_normalised", "modal_share")


def rating_section(found: Sequence[RatingCell], *, drawn: int | None = None) -> Section:
    """Comparison of all cells, then a part for each rater, the first `drawn` with figures."""
    return Section(
        title="Ratings",
        anchor="ratings",
        plots=tuple(_comparisons(found)),
        tables=(_reliability_table(found), *_aggregates(found)),
        parts=drawn_first(
            [
                _rater_section(rater, name, [one for one in found if one.cell.rater == rater])
                for rater, name in slugs(one.cell.rater for one in found).items()
            ],
            drawn,
        ),
    )


def _comparisons(found: Sequence[RatingCell]) -> Iterable[Plot]:
    questions = list(dict.fromkeys(one.cell.question for one in found))
    yield dots(
        [
            Panel(
                title=question,
                dots=[
                    Dot(origin, means[1], one.cell.rater)
                    for one in found
                    if one.cell.question == question
                    for origin, means in one.by_origin.items()
                ],
                label="mean normalised rating",
                limits=(0, 1),
            )
            for question in questions
        ],
        name="mean_by_origin",
        title="Mean rating by origin",
        caption="Mean of the normalised rating (0 lowest level, 1 highest) over the items of each "
        "origin, repeats averaged within an item; 95 % intervals over items.",
    )
    scales = {"icc": "ICC(1,1)", "cross_seed_r": "cross-seed r", "kl_uniform_normalised":
              "KL ÷ ln K"}  # fmt: skip
    yield dots(
        [
            Panel(
                title=heading,
                dots=[
                    Dot(one.cell.question, one.quantities[name], one.cell.rater) for one in found
                ],
                limits=_unit_scale(one.quantities[name] for one in found),
                zero=0.0,
            )
            for name, heading in scales.items()
        ],
        name="reliability",
        title="Agreement of repeats and use of the scale",
        caption="ICC(1,1) and cross-seed r: how far repeats of a question agree (an empty place: "
        "not defined, as when a rating never varies). KL ÷ ln K: 0 all declared levels used "
        "alike, 1 only one level used. 95 % intervals, bootstrap over items.",
    )


def _unit_scale(values: Iterable[Estimate]) -> tuple[float, float]:
    """0 to 1, and as far below as any interval goes."""
    lows = [value.low for value in values if math.isfinite(value.low)]
    return min([0.0, *lows]), 1.0


def _reliability_table(found: Sequence[RatingCell]) -> Table:
    columns = (
        Column("icc", "ICC(1,1)"),
        Column("icc_without_refused", "ICC without refused"),
        Column("cross_seed_r", "cross-seed r"),
        Column("kl_uniform", "KL, nats"),
        Column("kl_bias", "of it by few answers"),
        Column("kl_uniform_normalised", "KL ÷ ln K"),
        Column("modal_share", "modal share", "share"),
        Column("floor_share", "at the lowest level", "share"),
        Column("discrimination_rate", "off the mode", "share"),
        Column("informative_r", "informative r"),
        Column("informative_r_no_signal", "informative r without signal"),
        Column("consistency", "consistency"),
        Column("outcome_consistency", "outcome consistency"),
    )
    rows = [
        one.cell.row | {column.key: one.quantities.get(column.key) for column in columns}
        for one in found
    ]
    return Table(
        name="reliability",
        title="Reliability",
        columns=(*NAMES, *columns),
        rows=rows,
        caption="Each row pools one rater, template and configuration. A uniform respondent with "
        "as many answers would show the KL in the column after it, not 0. Read the informative r "
        "against its value without signal, not against zero; “–”: not defined (fewer than two "
        "repeats, or no variance).",
    )


def _aggregates(found: Sequence[RatingCell]) -> Iterable[Table]:
    """Means over cells by rater and by template, which count the cells they average."""
    for by, title in (("rater", "By rater"), ("template", "By template")):
        groups: dict[str, list[RatingCell]] = {}
        for one in found:
            groups.setdefault(str(one.cell.row[by]), []).append(one)
        if len(found) == len(groups):
            continue
        yield Table(
            name=f"ratings_by_{by}",
            title=f"{title}, averaged over cells",
            columns=(
                Column(by, by),
                Column("cells", "cells", "count"),
                Column("normalised", "normalised mean"),
                *(Column(name, heading) for name, heading in _AVERAGED.items()),
                Column("undefined", "cells without ICC", "count"),
            ),
            rows=[{by: key} | _averages(group) for key, group in groups.items()],
            caption="Mean over the cells named in the second column, each counted alike; "
            "intervals are over cells (Student), so they need at least two.",
        )


_AVERAGED = {"icc": "ICC(1,1)", "cross_seed_r": "cross-seed r", "kl_uniform_normalised":
             "KL ÷ ln K"}  # fmt: skip


def _averages(group: Sequence[RatingCell]) -> dict[str, object]:
    means = {
        name: average_cells([one.quantities[name] for one in group], quantity=name)
        for name in _AVERAGED
    }
    return {
        "cells": len(group),
        "normalised": average_cells([one.normalised for one in group], quantity="normalised"),
        **means,
        "undefined": means["icc"].undefined,
    }


def _rater_section(rater: str, slug: str, found: Sequence[RatingCell]) -> Section:
    drawn = [one for one in found if one.levels is not None]
    tables = [_origin_table(rater, slug, found)]
    if drawn:
        tables.insert(0, _level_table(rater, slug, drawn))
    return Section(
        title=rater,
        anchor=f"ratings_{slug}",
        about={"rater": rater},
        text=tuple(
            f"{one.cell.question}: the declared levels are not known, so no distribution is shown."
            for one in found
            if one.levels is None
        ),
        plots=(_distribution_plot(rater, slug, drawn),) if drawn else (),
        tables=tuple(tables),
    )


def _distribution_plot(rater: str, slug: str, found: Sequence[RatingCell]) -> Plot:
    return distributions(
        [
            Distribution(one.cell.question, one.levels.labels, one.shares, one.answers)
            for one in found
            if one.levels is not None
        ],
        name=f"distribution_{slug}",
        title=f"Ratings of {rater} over the declared levels",
        caption="Share of answers at each declared level, with 95 % Wilson intervals clustered by "
        "item; dashed: all levels alike. Under a log-probability read-out, mean probabilities.",
    )


def _level_table(rater: str, slug: str, found: Sequence[RatingCell]) -> Table:
    return Table(
        name=f"levels_{slug}",
        title=f"Distribution of {rater}",
        columns=(
            Column("template", "template"),
            Column("variant", "variant"),
            Column("level", "level"),
            Column("value", "value", "plain"),
            Column("share", "share of answers", "share"),
        ),
        rows=[
            {"template": one.cell.template, "variant": one.cell.variant}
            | {"level": label, "value": value, "share": share}
            for one in found
            if one.levels is not None
            for label, value, share in zip(
                one.levels.labels, one.levels.values, one.shares, strict=True
            )
        ],
        first=0,
    )


def _origin_table(rater: str, slug: str, found: Sequence[RatingCell]) -> Table:
    return Table(
        name=f"mean_by_origin_{slug}",
        title=f"Mean by origin, {rater}",
        columns=(
            Column("template", "template"),
            Column("variant", "variant"),
            Column("origin", "origin"),
            Column("items", "items answered", "count"),
            Column("mean", "mean rating"),
            Column("normalised", "normalised"),
        ),
        rows=[
            {"template": one.cell.template, "variant": one.cell.variant, "origin": origin}
            | {"items": value.n, "mean": value, "normalised": normalised}
            for one in found
            for origin, (value, normalised) in one.by_origin.items()
        ],
        first=12,
    )
