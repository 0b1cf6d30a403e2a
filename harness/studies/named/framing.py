"""How much of a preference is the wording's: do utilities agree over wordings and contexts?"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from harness.errors import UsageError
from harness.report.parts.dots import Dot, Panel, dots
from harness.report.parts.style import Plot, palette
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.wording import shown
from harness.stats.facets.components import Components, components_of
from harness.stats.facets.joint import joint_fit
from harness.stats.facets.shares import variance_draws
from harness.stats.facets.universe import answers_of
from harness.stats.intervals import Estimate, FloatArray
from harness.studies.planted import Planted
from harness.studies.study import (
    DesignCell,
    Found,
    Given,
    Parameters,
    Quantity,
    Study,
    StudyDesign,
    rating_cell,
)

__all__ = ["STUDY"]

_FACETS = ("wording", "context")


class _Framing(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of framing. Choices are asked before a task is done, each pair in both orders.

    wordings, contexts: how many paraphrases of the question and neutral system prompts are drawn
    pairs: which pairs are chosen between, as in the pairwise evals
    """

    templates: tuple[str, ...] = ("simple_preference",)
    seeds: int = 1
    wordings: int = 6
    contexts: int = 3
    pairs: str = "regular:20"


def _design(given: _Framing) -> StudyDesign:
    for name in _FACETS:
        if getattr(given, f"{name}s") < 2:
            raise UsageError(
                f"framing with {name}s={getattr(given, f'{name}s')}; expected at least 2"
            )
    cells = []
    for rater in given.raters:
        for template in given.templates:
            shared = rating_cell(given, rater, template, levels={}).options
            cells.append(
                DesignCell(
                    task="pairwise",
                    options=shared
                    | {
                        "timing": "pre",
                        "pairs": given.pairs,
                        "wordings": given.wordings,
                        "contexts": given.contexts,
                    },
                    rater=rater,
                    completer=rater,
                    levels={"rater": rater, "template": template},
                )
            )
    return StudyDesign(
        tuple(cells),
        ("correlation of utilities under two wordings", "preferences turned by a wording"),
    )


@dataclass(frozen=True)
class _Framed:
    """One rater in one template: correlation of utilities under two levels, by facet."""

    rater: str
    template: str
    items: tuple[str, ...]
    correlations: dict[str, Estimate]
    components: Components

    @property
    def name(self) -> str:
        return f"{self.rater}, {self.template}"


def _framed(frame: pl.DataFrame, seed: int) -> list[_Framed]:
    found = []
    chosen = frame.filter(pl.col("kind") == "choice")
    for (rater, template), part in sorted(chosen.group_by("rater", "template"), key=str):
        answers = answers_of(part, _FACETS, where=f"{rater}, {template}")
        fitted = joint_fit(answers, seed=seed)
        drawn = variance_draws(fitted.variances, fitted.log_covariance, fitted.profiles, seed=seed)
        n = answers.data.n
        found.append(
            _Framed(
                rater=str(rater),
                template=str(template),
                items=answers.data.items,
                correlations={
                    name: _correlation(fitted.variances, drawn, k, n)
                    for k, name in enumerate(_FACETS, start=1)
                },
                components=components_of(fitted, seed=seed),
            )
        )
    if not found:
        raise UsageError("no choices among the records; expected logs of the pairwise evals")
    return found


def _correlation(point: FloatArray, drawn: FloatArray, facet: int, items: int) -> Estimate:
    """τ²/(τ² + s²), other facets the same for both."""
    rest = np.delete(np.arange(1 + len(_FACETS)), facet)

    def r(v: FloatArray) -> FloatArray:
        same = v[..., rest].sum(axis=-1)
        return np.asarray(same / (same + v[..., facet]))

    low, high = np.quantile(r(drawn), [0.025, 0.975])
    return Estimate(
        estimate=float(r(point)),
        low=float(low),
        high=float(high),
        n=items,
        interval="evidence of the variances",
    )


def _planted_correlation(planted: Planted, *, one: _Framed, facet: str) -> float:
    settings = planted.settings(one.rater)
    sds = {"wording": settings.wording_sd, "context": settings.context_sd}
    same = float(planted.utilities(one.rater, one.items).var(ddof=1))
    same += sum(sd**2 for name, sd in sds.items() if name != facet)
    return same / (same + sds[facet] ** 2)


def _planted_flip(planted: Planted, *, one: _Framed, facet: str) -> float:
    """Two normal differences that correlate by r have other signs in arccos(r)/π."""
    return float(np.arccos(_planted_correlation(planted, one=one, facet=facet)) / np.pi)


def _analyse(given: Given) -> Found:
    found = _framed(given.frame, given.bootstrap.seed)
    first = found[0]
    return Found(
        sentences=[
            *(
                f"{one.name}: utilities under two wordings correlate by "
                f"{shown(one.correlations['wording'])}, in two contexts by "
                f"{shown(one.correlations['context'])} ({len(one.items)} items)."
                for one in found
            ),
            f"{first.name}: another wording turns {shown(_flip(first, 'wording'), 'share')} of "
            "preferences between two items.",
        ][:5],
        tables=[_agreement_table(found)],
        sections=[
            Section(
                title="Where differences between answers come from",
                anchor="variance",
                text=(
                    "Shares of the variance of a choice between two items drawn at random, under "
                    "a wording and in a context drawn at random.",
                ),
                plots=(_plot(found),),
                tables=(_share_table(found), _flip_table(found)),
            )
        ],
        measured=[
            Quantity(
                f"correlation over {name}s, {one.name}",
                estimate,
                partial(_planted_correlation, one=one, facet=name),
            )
            for one in found
            for name, estimate in one.correlations.items()
        ]
        + [
            Quantity(
                f"preferences turned by a {name}, {one.name}",
                _flip(one, name),
                partial(_planted_flip, one=one, facet=name),
            )
            for one in found
            for name in _FACETS
        ],
    )


def _flip(one: _Framed, source: str) -> Estimate:
    [flip] = [flip for flip in one.components.flips if flip.source == source]
    return Estimate(
        estimate=flip.preference,
        low=flip.preference_low,
        high=flip.preference_high,
        n=len(one.items),
        interval="evidence of the variances",
    )


def _agreement_table(found: Sequence[_Framed]) -> Table:
    return Table(
        name="framing",
        title="Agreement over framings",
        columns=(
            Column("rater", "rater"),
            Column("template", "template"),
            Column("items", "items", "count"),
            Column("wording", "r, two wordings"),
            Column("context", "r, two contexts"),
            Column("turned", "preferences turned by a wording", "share"),
            Column("coefficient", "generalizability"),
        ),
        rows=[
            {
                "rater": one.rater,
                "template": one.template,
                "items": len(one.items),
                **one.correlations,
                "turned": _flip(one, "wording"),
                "coefficient": _coefficient(one),
            }
            for one in found
        ],
        caption="r is of utilities, not of estimates: no answer's noise lowers it. The "
        "generalizability coefficient is the reliability of the utilities as measured, over all "
        "wordings and contexts that might have been drawn.",
    )


def _coefficient(one: _Framed) -> Estimate:
    estimate, low, high = one.components.generalizability
    return Estimate(estimate=estimate, low=low, high=high, n=len(one.items))


def _share_table(found: Sequence[_Framed]) -> Table:
    return Table(
        name="shares",
        title="Shares of variance",
        columns=(
            Column("rater", "rater"),
            Column("template", "template"),
            Column("source", "source"),
            Column("share", "share", "share"),
            Column("found", "more than 0"),
        ),
        rows=[
            {
                "rater": one.rater,
                "template": one.template,
                "source": share.source,
                "share": Estimate(
                    estimate=share.share, low=share.low, high=share.high, n=len(one.items)
                ),
                "found": share.found,
            }
            for one in found
            for share in one.components.shares
        ],
        caption="`more than 0` is tested at 5 % where a variance may be 0.",
    )


def _flip_table(found: Sequence[_Framed]) -> Table:
    return Table(
        name="flips",
        title="What turns round",
        columns=(
            Column("rater", "rater"),
            Column("template", "template"),
            Column("source", "changed"),
            Column("preference", "preferences turned", "share"),
            Column("answers", "answers that differ", "share"),
            Column("counted", "counted", "share"),
            Column("pairs", "of", "count"),
        ),
        rows=[
            {
                "rater": one.rater,
                "template": one.template,
                "source": "nothing" if flip.source == "repeat" else flip.source,
                "preference": Estimate(
                    estimate=flip.preference,
                    low=flip.preference_low,
                    high=flip.preference_high,
                    n=len(one.items),
                ),
                "answers": flip.answers,
                "counted": flip.counted,
                "pairs": flip.pairs,
            }
            for one in found
            for flip in one.components.flips
        ],
        caption="By the model for two items drawn at random; counted over pairs that were asked "
        "in one order under two levels, where there are such.",
    )


def _plot(found: Sequence[_Framed]) -> Plot:
    return dots(
        [
            Panel(
                f"{name}: r of utilities",
                [Dot(one.name, one.correlations[name], one.rater) for one in found],
                label=f"n = {len(found[0].items)} items",
                limits=(0.0, 1.0),
            )
            for name in _FACETS
        ],
        name="framing",
        title="Utilities under two framings",
        caption="Correlation of utilities under two wordings and in two contexts, 95 % intervals.",
        colours=palette(one.rater for one in found),
    )


STUDY = Study(
    name="framing",
    question="Do utilities agree over wordings of the question and neutral contexts?",
    parameters=_Framing,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 8, "wordings": 4, "contexts": 2, "pairs": "regular:16"},
    rehearsal={
        "raters": (
            "sim/faithful(wording_sd=0.8, context_sd=0.4)",
            "sim/faithful@steady(wording_sd=0.3)",
        )
    },
)
