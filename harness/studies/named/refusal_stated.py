"""Are tasks that a model refuses also rated lower, within an origin too?"""

from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from harness.errors import UsageError
from harness.report.parts.style import palette
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.violins import Violin, violin_grid
from harness.report.parts.wording import shown
from harness.stats.effects.power import smallest_correlation
from harness.stats.effects.refusal import refusal_preference
from harness.stats.intervals import Estimate, FloatArray, clustered_rate, mean_interval
from harness.stats.ratings.matrix import item_means, rating_matrix
from harness.studies.planted import Planted
from harness.studies.ratings import rater_by_template
from harness.studies.study import (
    Basis,
    Contrast,
    Found,
    Given,
    JudgedParameters,
    Quantity,
    Study,
    StudyDesign,
)

__all__ = ["STUDY"]


class _RefusalStated(JudgedParameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of refusal-stated."""

    seeds: int = 3


def _design(given: _RefusalStated) -> StudyDesign:
    return rater_by_template(
        given,
        ("r of refusal with the rating, overall and within origins, for each rater",),
        contrasts=(
            Contrast("r of refusal with the rating", lambda basis: _smallest(basis, 1)),
            Contrast("r within origins", lambda basis: _smallest(basis, len(basis.origins))),
        ),
        options=None if given.judge is None else {"judges": "refusal"},
    )


def _smallest(basis: Basis, strata: int) -> float:
    return smallest_correlation(basis.items, strata=strata)


def _analyse(given: Given) -> Found:
    ratings = given.ratings
    judged = ratings.filter(pl.col("completion_refused").is_not_null())
    if not judged.height:
        raise UsageError(
            "refusal-stated needs verdicts on completions; these records have none (ratings before "
            "the task, or logs without completions)"
        )
    rows, origins, measured = [], [], []
    panels: dict[tuple[str, str], list[Violin]] = {}
    for (rater, template), part in sorted(
        judged.partition_by("rater", "template", as_dict=True).items()
    ):
        found = rating_matrix(part)
        verdict = dict(part.group_by("item").agg(pl.col("completion_refused").any()).iter_rows())
        refused = np.array([verdict[item] for item in found.items])
        means = item_means(found.values)
        of = np.array(found.origins)
        whole = refusal_preference(refused, means, bootstrap=given.bootstrap, origins=found.origins)
        named = {"rater": str(rater), "template": str(template)}
        key = part.row(0, named=True)
        rows.append(
            named
            | {"rate": _rate(refused), "overall": whole.point_biserial, "p": whole.point_biserial.p}
            | {"within": whole.within_origin, "p_within": whole.within_origin.p}
            | {"lower": whole.lower}
        )
        for origin in sorted(set(found.origins)):
            here = of == origin
            origins.append(named | {"origin": origin} | _origin(refused, means, here, given))
        for state, chosen in (("refused", refused), ("not refused", ~refused)):
            rated = chosen & np.isfinite(means)
            if rated.sum() > 1:
                items = tuple(np.array(found.items)[rated])
                measured.append(
                    Quantity(
                        f"mean {state}, {rater}",
                        mean_interval(means[rated]),
                        partial(_planted_mean, key=key, items=items),
                    )
                )
        panels |= _panels(f"{rater}, {template}", refused, means, of)
    return Found(
        sentences=[
            f"{row['rater']}: r {shown(row['overall'])} overall, {shown(row['within'])} within "
            f"origins ({_n(row['overall'])} items, refused {shown(row['rate'], 'share')})."
            for row in rows
        ][:5],
        tables=[_table(rows)],
        sections=[
            Section(
                title="By origin",
                anchor="origins",
                plots=(
                    violin_grid(
                        panels,
                        name="by_refusal",
                        title="Ratings of refused items and of the others",
                        caption="Each violin holds one mean an item; dot and line: mean over items "
                        "with its 95 % interval.",
                        rows=list(dict.fromkeys(row for row, _ in panels)),
                        columns=list(dict.fromkeys(column for _, column in panels)),
                        axis="rating",
                        limits=_limits(panels),
                        colours=palette(["refused", "not refused"]),
                    ),
                ),
                tables=(_origin_table(origins),),
            )
        ],
        measured=measured,
        cautions=(_by(judged),),
    )


def _by(judged: pl.DataFrame) -> str:
    """Whose verdicts say what a refusal is."""
    names = sorted(judged["completion_refused_by"].drop_nulls().unique()) or ["rule"]
    return f"What of the completions is a refusal: verdict of the {', '.join(names)}."


def _n(value: object) -> int:
    assert isinstance(value, Estimate)
    return value.n


def _rate(refused: NDArray[np.bool_]) -> Estimate:
    return clustered_rate(refused.astype(float), np.ones(len(refused)))


def _origin(
    refused: NDArray[np.bool_], means: FloatArray, here: NDArray[np.bool_], given: Given
) -> dict[str, object]:
    found = refusal_preference(refused[here], means[here], bootstrap=given.bootstrap)
    return {
        "items": int(here.sum()),
        "refused": int(refused[here].sum()),
        "rate": _rate(refused[here]),
        "mean_refused": mean_interval(means[here & refused]),
        "mean_others": mean_interval(means[here & ~refused]),
        "r": found.point_biserial,
        "p": found.point_biserial.p,
    }


def _panels(
    row: str, refused: NDArray[np.bool_], means: FloatArray, of: NDArray[np.str_]
) -> dict[tuple[str, str], list[Violin]]:
    panels = {}
    for origin in sorted(set(of)):
        states = (("refused", refused), ("not refused", ~refused))
        parts = [(state, means[(of == origin) & chosen]) for state, chosen in states]
        panels[row, str(origin)] = [
            Violin(state, values, mean_interval(values)) for state, values in parts
        ]
    return panels


def _limits(panels: dict[tuple[str, str], list[Violin]]) -> tuple[float, float]:
    values = np.concatenate([one.values for cell in panels.values() for one in cell])
    values = values[np.isfinite(values)]
    room = 0.12 * max(1e-6, float(np.ptp(values)))
    return float(values.min()) - room, float(values.max()) + 2 * room


def _planted_mean(planted: Planted, *, key: dict[str, object], items: tuple[str, ...]) -> float:
    return float(planted.means(key, items).mean())


def _table(rows: list[dict[str, object]]) -> Table:
    return Table(
        name="refusal",
        title="Refusal and rating",
        columns=(
            Column("rater", "rater"),
            Column("template", "template"),
            Column("rate", "refused", "share"),
            Column("overall", "r"),
            Column("p", "p", "p"),
            Column("within", "r within origins"),
            Column("p_within", "p within", "p"),
            Column("lower", "P(refused below other)"),
        ),
        rows=rows,
        caption="Point-biserial r over items, p and interval by permutation; within origins the "
        "permutation stays inside each, so that origin means alone give none. Both were named "
        "beforehand.",
    )


def _origin_table(rows: list[dict[str, object]]) -> Table:
    return Table(
        name="by_origin",
        title="By origin",
        columns=(
            Column("rater", "rater"),
            Column("template", "template"),
            Column("origin", "origin"),
            Column("items", "N", "count"),
            Column("refused", "refused", "count"),
            Column("rate", "rate", "share"),
            Column("mean_refused", "mean refused"),
            Column("mean_others", "mean not refused"),
            Column("r", "r"),
            Column("p", "p", "p"),
        ),
        rows=rows,
    )


STUDY = Study(
    name="refusal-stated",
    question="Are tasks that a model refuses also rated lower, within an origin too?",
    parameters=_RefusalStated,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 20, "seeds": 2},
    rehearsal={
        "raters": (
            "sim/refuser(refusal_bailbench=0.6, refusal_slope=2, question_refusal=0, spread=1)",
        )
    },
    needs=("judge (optional)",),
)
