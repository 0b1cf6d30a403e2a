"""Is a task rated alike before it is done and after?"""

import numpy as np
import polars as pl

from harness.errors import UsageError
from harness.prompts.catalogue import get_template
from harness.report.parts.dots import Dot, Panel, dots
from harness.report.parts.style import Plot, palette
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.wording import shown
from harness.stats.effects.effects import holm
from harness.stats.effects.refusal import refusal_preference
from harness.stats.intervals import Bootstrap
from harness.studies.paired import PAIR_COLUMNS, Pair, paired_contrasts, paired_plot
from harness.studies.study import (
    Found,
    Given,
    Parameters,
    Study,
    StudyDesign,
    crossed,
    estimate_in,
)
from harness.where import SHELL_DIRECTORY

__all__ = ["STUDY"]

_FEWEST = 3


class _PrePost(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of pre-post.

    bound: mean differences below this count as none, on the scale from 0 to 1
    """

    bound: float = 0.05


def _design(given: _PrePost) -> StudyDesign:
    for template in given.templates:
        allowed = get_template(template, kind="rating", base=SHELL_DIRECTORY).timings
        if set(allowed) != {"pre", "post"}:
            raise UsageError(
                f"template {template!r} is asked {', '.join(allowed)} alone; pre-post needs both"
            )
    return StudyDesign(
        crossed(given, [({"timing": one}, {"timing": one}) for one in ("pre", "post")]),
        ("post − pre, paired by item, for each rater and template, Holm's correction",),
        paired_contrasts(
            "post − pre",
            "bound within which no difference is shown",
            tests=len(given.raters) * len(given.templates),
        ),
    )


def _analyse(given: Given) -> Found:
    ratings = given.ratings
    bound: float = given.parameters.bound
    pairs: dict[str, Pair] = {}
    rows: list[dict[str, object]] = []
    origins: list[dict[str, object]] = []
    refusal: list[dict[str, object]] = []
    for (rater, template), part in sorted(
        ratings.partition_by("rater", "template", as_dict=True).items()
    ):
        before, after = (part.filter(pl.col("timing") == timing) for timing in ("pre", "post"))
        if not before.height or not after.height:
            raise UsageError(f"{rater}, {template}: not asked both before and after the task")
        pair = pairs[f"{rater}, {template}"] = Pair(before, after, bound=bound)
        named: dict[str, object] = {"rater": rater, "template": template}
        rows.append(named | pair.row())
        origins += [
            named | {"origin": origin} | _of_origin(before, after, origin, bound)
            for origin in sorted(set(pair.origins))
        ]
        refusal += [named | one for one in _refusal(pair, after, given.bootstrap)]
    _corrected(rows)
    _corrected(origins)
    return Found(
        sentences=[
            f"{name}: post − pre {shown(pair.delta)} ({len(pair.items)} items), r "
            f"{shown(pair.r)}; {pair.verdict}."
            for name, pair in pairs.items()
        ][:5],
        tables=[_table(rows, bound)],
        sections=[
            Section(
                title="Item by item",
                anchor="items",
                plots=(
                    paired_plot(pairs, title="Before and after the task", x="before", y="after"),
                ),
            ),
            Section(
                title="By origin",
                anchor="origins",
                plots=(_origin_plot(origins),),
                tables=(_origin_table(origins),),
            ),
            *([_refusal_section(refusal)] if refusal else []),
        ],
        measured=[pair.quantity(name) for name, pair in pairs.items()],
    )


def _of_origin(
    before: pl.DataFrame, after: pl.DataFrame, origin: str, bound: float
) -> dict[str, object]:
    here = pl.col("origin").fill_null("unknown") == origin
    delta = Pair(before.filter(here), after.filter(here), bound=bound).delta
    return {"delta": delta, "p": delta.p}


def _corrected(rows: list[dict[str, object]]) -> None:
    """Add p after Holm's correction over the rows."""
    found = holm({str(number): float(str(row["p"])) for number, row in enumerate(rows)})
    for number, row in enumerate(rows):
        row["p_holm"] = found[str(number)]


def _refusal(pair: Pair, after: pl.DataFrame, bootstrap: Bootstrap) -> list[dict[str, object]]:
    """r of refusal with the rating at each timing, where enough items are refused and enough not.

    What is refused is known of completions alone, so the verdicts are those of after the task.
    """
    known = dict(
        after.filter(pl.col("completion_refused").is_not_null())
        .group_by("item")
        .agg(pl.col("completion_refused").any())
        .iter_rows()
    )
    judged = np.array([item in known for item in pair.items])
    refused = np.array([known.get(item, False) for item in pair.items])
    if min((judged & refused).sum(), (judged & ~refused).sum()) < _FEWEST:
        return []
    return [
        {
            "timing": timing,
            "items": int(judged.sum()),
            "refused": int((judged & refused).sum()),
            "r": refusal_preference(
                refused[judged], means[judged], bootstrap=bootstrap
            ).point_biserial,
        }
        for timing, means in zip(("pre", "post"), pair.means, strict=True)
    ]


def _table(rows: list[dict[str, object]], bound: float) -> Table:
    return Table(
        name="pre_post",
        title="After less before",
        columns=(
            Column("rater", "rater"),
            Column("template", "template"),
            Column("delta", "post − pre"),
            Column("p", "p", "p"),
            Column("p_holm", "p after Holm", "p"),
            *PAIR_COLUMNS,
        ),
        rows=rows,
        caption="On the scale from 0 to 1, paired by item; two one-sided tests against the "
        f"bound ± {bound:g}.",
    )


def _origin_table(rows: list[dict[str, object]]) -> Table:
    return Table(
        name="origins",
        title="After less before, by origin",
        columns=(
            Column("rater", "rater"),
            Column("template", "template"),
            Column("origin", "origin"),
            Column("delta", "post − pre"),
            Column("p", "p", "p"),
            Column("p_holm", "p after Holm", "p"),
        ),
        rows=rows,
        caption="On the scale from 0 to 1; corrected after Holm over all rows.",
    )


def _origin_plot(rows: list[dict[str, object]]) -> Plot:
    templates = list(dict.fromkeys(str(row["template"]) for row in rows))
    smallest = min(estimate_in(row, "delta").n for row in rows)
    return dots(
        [
            Panel(
                template,
                [
                    Dot(str(row["origin"]), estimate_in(row, "delta"), str(row["rater"]))
                    for row in rows
                    if row["template"] == template
                ],
                label=f"post − pre, n ≥ {smallest} items",
                zero=0.0,
            )
            for template in templates
        ],
        name="origins",
        title="After less before, by origin",
        caption="Mean difference over items with its 95 % interval, on the scale from 0 to 1.",
        colours=palette(str(row["rater"]) for row in rows),
    )


def _refusal_section(rows: list[dict[str, object]]) -> Section:
    return Section(
        title="Refused items",
        anchor="refusal",
        text=("Whether refused items are liked less can depend on when the model is asked.",),
        tables=(
            Table(
                name="refusal",
                title="r of refusal with the rating, by timing",
                columns=(
                    Column("rater", "rater"),
                    Column("template", "template"),
                    Column("timing", "asked"),
                    Column("items", "items", "count"),
                    Column("refused", "refused", "count"),
                    Column("r", "r"),
                ),
                rows=rows,
                caption="What is a refusal is the rule's verdict on the completion.",
            ),
        ),
    )


STUDY = Study(
    name="pre-post",
    question="Is a task rated alike before it is done and after?",
    parameters=_PrePost,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 15, "seeds": 2},
    rehearsal={
        "raters": ("sim/refuser(question_refusal=0, pre_shift=0.4)", "sim/noisy(pre_shift=-0.5)"),
    },
)
