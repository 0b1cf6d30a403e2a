"""What does a penalty on response noise do to a Thurstonian fit, and where does its σ end?"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.special import ndtr

from harness.analysis.cells import Cell
from harness.errors import UsageError
from harness.pairs.graphs import all_pairs, regular_pairs
from harness.report.parts.lines import Curve, LinePanel, lines
from harness.report.parts.style import Plot
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.wording import number, shown
from harness.stats.choices.questions import build, questions_from_records
from harness.stats.choices.utilities import random_rows
from harness.stats.intervals import Estimate
from harness.stats.thurstone.comparisons import Comparisons, aggregate
from harness.stats.thurstone.fit import fit
from harness.stats.thurstone.regularisation import (
    BOUND,
    COIN,
    PENALTIES,
    Regularised,
    regularisation,
)
from harness.studies.choosing import choice_cell, choices_of
from harness.studies.planted import Planted
from harness.studies.study import Found, Given, Parameters, Quantity, Study, StudyDesign

__all__ = ["STUDY"]

_LARGEST = float(np.exp(BOUND))
_REPORTED = {"sparse synthetic": 14.0, "real": 45.0}
"""Largest σ at λ = 0 that the research log reported."""
_BETA = -0.3
_KINDS = {"log": "L2 on log σ", "sigma": "L2 on σ"}


class _Regularisation(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of thurstone-regularisation.

    source: logs of pairwise evals to analyse in place of a campaign of its own
    penalties: λ of each fit
    synthetic: items of the synthetic data
    degree: opponents of each item in the sparse synthetic data
    spread: standard deviation of the synthetic utilities, in units of σ, which is 1 for all items
    repeats: answers to each presentation of the sparse synthetic data
    max_comparisons: the most that a campaign asks; default 50 an item
    batch: questions between two fits of a campaign
    """

    templates: tuple[str, ...] = ("simple_preference",)
    seeds: int = 1
    source: str = ""
    penalties: tuple[float, ...] = PENALTIES
    synthetic: int = 100
    degree: int = 5
    spread: float = 3.0
    repeats: int = 2
    max_comparisons: int | None = None
    batch: int = 250


def _design(given: _Regularisation) -> StudyDesign:
    if any(value < 0 for value in given.penalties) or len(given.penalties) < 2:
        raise UsageError(
            f"penalties={', '.join(f'{one:g}' for one in given.penalties)}; expected two or more, "
            "none below 0 (--penalty)"
        )
    least = given.degree + 2
    if given.degree < 1 or given.synthetic < least or given.repeats < 1 or given.spread <= 0:
        raise UsageError(
            f"synthetic={given.synthetic}, degree={given.degree}, repeats={given.repeats}, "
            f"spread={given.spread:g}; expected a degree of at least 1, at least {least} items, "
            "repeats of at least 1 and a spread above 0"
        )
    cells = [
        choice_cell(
            given,
            rater,
            template,
            levels={"rater": rater, "template": template},
            task="utilities",
            timing="pre",
            batch=given.batch,
            **({"max_comparisons": given.max_comparisons} if given.max_comparisons else {}),
        )
        for rater in given.raters
        for template in given.templates
    ]
    return StudyDesign(
        () if given.source else tuple(cells),
        ("largest σ of bounded fits", "held-out NLL beside a coin's, on random pairs alone"),
    )


@dataclass(frozen=True)
class _Data:
    """One set of comparisons and the path of its fits; `cell` where it comes of records."""

    name: str
    kind: str
    comparisons: Comparisons
    path: list[Regularised]
    position: Estimate
    test_pairs: str
    cell: Cell | None = None


def _analyse(given: Given) -> Found:
    found = [*_synthetic(given), *_real(given)]
    plain = {one.name: one.path[0] for one in found}
    largest = max(row.max_sigma for one in found for row in one.path if row.bounded)
    free = max((row.max_sigma, one.name) for one in found for row in one.path if not row.bounded)
    worst = [max(one.path[1:], key=lambda row: row.test.estimate) for one in found]
    return Found(
        sentences=[
            f"Largest σ of all bounded fits {largest:.2f} (bound {_LARGEST:.2f}): σ of 14 and 45 "
            f"cannot come from bounded fits. Without bounds it reaches {free[0]:.3g} ({free[1]}).",
            *(
                f"{one.name}: held-out NLL {shown(plain[one.name].test)} with σ = 1, up to "
                f"{number(bad.test.estimate)} with σ fitted ({_said(bad)}); a coin's is {COIN:.3f}."
                for one, bad in zip(found, worst, strict=True)
            ),
        ][:5],
        tables=[_summary(found), _impossible(found)],
        sections=[_section(one, number) for number, one in enumerate(found, 1)],
        measured=[
            Quantity(f"position β, {one.name}", one.position, partial(_planted_beta, one=one))
            for one in found
        ],
        cautions=[
            f"{one.name}: no pair is marked as drawn at random; pairs held out are any."
            for one in found
            if one.test_pairs == "any"
        ],
    )


def _synthetic(given: Given) -> list[_Data]:
    parameters = given.parameters
    items = parameters.synthetic
    found = []
    for at, name in enumerate(("dense synthetic", "sparse synthetic")):
        rng = np.random.default_rng((given.bootstrap.seed, at))
        dense = at == 0
        pairs = all_pairs(items) if dense else regular_pairs(items, parameters.degree, rng)
        repeats = 1 if dense else parameters.repeats
        comparisons = _drawn(pairs, items, repeats, parameters.spread, rng)
        found.append(_data(name, name, comparisons, given, None, test_pairs="random"))
    return found


def _drawn(
    pairs: Sequence[tuple[int, int]],
    items: int,
    repeats: int,
    spread: float,
    rng: np.random.Generator,
) -> Comparisons:
    """Answers to each pair in both orders; σ = 1 for every item."""
    utilities = rng.normal(0, spread, items)
    one, two = np.array(pairs).T
    first, second = np.concatenate([one, two]), np.concatenate([two, one])
    chance = ndtr((utilities[first] - utilities[second] + _BETA) / np.sqrt(2))
    wins = rng.binomial(repeats, chance)
    names = [f"item {number:03d}" for number in range(items)]
    return aggregate(names, first, second, wins, repeats - wins)


def _real(given: Given) -> list[_Data]:
    found = []
    for cell in choices_of(given):
        questions = questions_from_records(cell.frame)
        data = build(questions)
        marked = bool(questions["random"].any())
        eligible = random_rows(questions, data)
        try:
            found.append(
                _data(f"real: {cell.name}", "real", data, given, cell, eligible=eligible,
                      test_pairs="random" if marked else "any")
            )  # fmt: skip
        except ValueError as error:
            raise UsageError(f"{cell.name}: {error}") from None
    return found


def _data(
    name: str,
    kind: str,
    comparisons: Comparisons,
    given: Given,
    cell: Cell | None,
    *,
    test_pairs: str,
    eligible: Any = None,
) -> _Data:
    fitted = fit(comparisons)
    half = 1.959964 * float(fitted.posterior.effect_se()[0])
    beta = float(fitted.effects[0])
    return _Data(
        name,
        kind,
        comparisons,
        regularisation(
            comparisons,
            rng=np.random.default_rng(given.bootstrap.seed),
            penalties=given.parameters.penalties,
            eligible=eligible,
        ),
        Estimate(estimate=beta, low=beta - half, high=beta + half, n=round(comparisons.total)),
        test_pairs,
        cell,
    )


def _planted_beta(planted: Planted, *, one: _Data) -> float:
    """β in units of the noise of an answer, which has the pair's own part in it."""
    if one.cell is None:
        return _BETA
    settings = planted.settings(one.cell.rater)
    return settings.position_bias / float(np.hypot(settings.noise, settings.misfit / np.sqrt(2)))


def _summary(found: Sequence[_Data]) -> Table:
    rows: list[dict[str, Any]] = []
    for one in found:
        best = min(one.path[1:], key=lambda row: row.test.estimate)
        for words, row in (("σ = 1, τ estimated", one.path[0]), ("best with σ fitted", best)):
            rows.append(
                {"data": one.name, "fit": words, "penalty": _said(row)}
                | {"train": row.train, "test": row.test, "coin": COIN}
                | {"accuracy": row.accuracy, "max_sigma": row.max_sigma}
            )
    return Table(
        name="summary",
        title="Fits compared",
        columns=(
            Column("data", "data"),
            Column("fit", "fit"),
            Column("penalty", "penalty"),
            Column("train", "train NLL", "number"),
            Column("test", "held-out NLL"),
            Column("coin", "a coin's", "number"),
            Column("accuracy", "held-out accuracy", "share"),
            Column("max_sigma", "largest σ", "number"),
        ),
        rows=rows,
        caption="The best is chosen on the pairs that it is scored on, so it flatters σ fitted. A "
        "fifth of the pairs is held out, of pairs drawn at random alone where these are marked; "
        "intervals over pairs.",
    )


def _said(row: Regularised) -> str:
    if row.penalty is None:
        return ""
    kind = f"{_KINDS[str(row.penalty_on)]}, " if row.penalty else ""
    return f"{kind}λ = {row.penalty:g}{'' if row.bounded else ', unbounded'}"


def _impossible(found: Sequence[_Data]) -> Table:
    """Largest σ at the smallest λ, bounded and free, beside what the log reported."""
    rows = []
    for one in found:
        least = min(row.penalty for row in one.path if row.penalty is not None)
        at = {
            (row.penalty_on, row.bounded): row.max_sigma for row in one.path if row.penalty == least
        }
        rows.append(
            {"data": one.name, "penalty": least, "bounded": at["log", True]}
            | {"free": at["log", False], "bound": _LARGEST, "log": _REPORTED.get(one.kind)}
            | {"possible": "no" if _REPORTED.get(one.kind, 0) > _LARGEST else "–"}
        )
    return Table(
        name="largest_sigma",
        title="Largest σ with next to no penalty",
        columns=(
            Column("data", "data"),
            Column("penalty", "λ", "plain"),
            Column("bounded", "bounded", "number"),
            Column("bound", "bound", "number"),
            Column("free", "unbounded", "plain"),
            Column("log", "log reported", "plain"),
            Column("possible", "possible within its bound"),
        ),
        rows=rows,
        caption="|log σ| of the log's code was bounded by 2, so that no σ above 7.39 can come of "
        "it. Unbounded, σ of an item whose answers leave it open runs away.",
    )


def _section(one: _Data, at: int) -> Section:
    return Section(
        title=one.name,
        anchor=f"data_{at}",
        text=(
            f"{one.comparisons.n} items, {one.comparisons.total:,.0f} comparisons of "
            f"{len(one.comparisons.pair_index()[0]):,} pairs.",
        ),
        plots=(_plot(one, at),),
        tables=(_path_table(one, at),),
    )


def _plot(one: _Data, at: int) -> Plot:
    penalties = sorted({row.penalty for row in one.path if row.penalty is not None})
    ticks = [f"{value:g}".lstrip("0") or "0" for value in penalties]
    panels = []
    for bounded in (True, False):
        rows = [row for row in one.path if row.bounded == bounded and row.penalty is not None]
        kinds = {on: [row for row in rows if row.penalty_on == on] for on in _KINDS}
        what = f"|log σ| ≤ {BOUND:g}" if bounded else "unbounded"
        panels += [
            _nll(kinds, what, ticks),
            LinePanel(
                f"held-out accuracy, {what}",
                [_curve(on, part, [row.accuracy for row in part]) for on, part in kinds.items()],
                x="λ",
                ticks=ticks,
            ),
            LinePanel(
                f"largest σ, {what}",
                [
                    curve
                    for on, part in kinds.items()
                    for curve in (
                        _curve(on, part, [row.max_sigma for row in part]),
                        _curve(on, part, [row.mean_sigma for row in part], dashed=True),
                    )
                ],
                x="λ",
                ticks=ticks,
                marks=((_LARGEST, f"bound {_LARGEST:.2f}"),),
                limits=(0.0, 8.0) if bounded else (None, None),
                log=not bounded,
            ),
        ]
    return lines(
        panels,
        name=f"regularisation_{at}",
        title=f"Penalty on σ, {one.name}",
        caption="By λ, above with bounds and below without. Bands: 95 % intervals over the pairs "
        "held out. Dashed: training pairs (left), mean σ (right). A coin's NLL is "
        f"{COIN:.3f}.",
    )


def _nll(kinds: dict[str, list[Regularised]], what: str, ticks: list[str]) -> LinePanel:
    drawn = []
    for on, part in kinds.items():
        drawn += [
            _curve(on, part, [row.test for row in part]),
            _curve(on, part, [row.train for row in part], dashed=True),
        ]
    top = max(max(row.test.estimate, row.train) for part in kinds.values() for row in part)
    return LinePanel(
        f"NLL held out, {what}",
        drawn,
        x="λ",
        y="nats",
        ticks=ticks,
        marks=((COIN, f"coin {COIN:.3f}"),),
        limits=(0.0, min(max(1.0, 1.1 * top), 3.0)),
    )


def _curve(
    on: str, part: Sequence[Regularised], values: Sequence[Estimate | float], dashed: bool = False
) -> Curve:
    estimates = [one for one in values if isinstance(one, Estimate)]
    x = list(range(len(part)))
    if not estimates:
        return Curve(_KINDS[on], x, [float(one) for one in values], dashed=dashed)  # type: ignore[arg-type]
    return Curve(
        _KINDS[on],
        x,
        [one.estimate for one in estimates],
        [one.low for one in estimates],
        [one.high for one in estimates],
    )


def _path_table(one: _Data, at: int) -> Table:
    return Table(
        name=f"path_{at}",
        title="Every fit",
        columns=(
            Column("kind", "penalty"),
            Column("bounded", "bounded"),
            Column("penalty", "λ", "plain"),
            Column("train", "train NLL", "number"),
            Column("test", "held-out NLL"),
            Column("coin", "a coin's", "number"),
            Column("accuracy", "held-out accuracy", "share"),
            Column("mean_sigma", "mean σ", "plain"),
            Column("max_sigma", "largest σ", "plain"),
            Column("at_bound", "items at a bound", "count"),
        ),
        rows=[
            {"kind": _KINDS.get(str(row.penalty_on), "σ = 1"), "bounded": row.bounded}
            | {"penalty": row.penalty, "train": row.train, "test": row.test, "coin": COIN}
            | {"accuracy": row.accuracy, "mean_sigma": row.mean_sigma}
            | {"max_sigma": row.max_sigma, "at_bound": row.at_bound}
            for row in one.path
        ],
        first=20,
    )


STUDY = Study(
    name="thurstone-regularisation",
    question="What does a penalty on per-item noise do, and can its σ be what the log reported?",
    parameters=_Regularisation,
    design=_design,
    analyse=_analyse,
    small={
        "per_origin": 8,
        "batch": 100,
        "synthetic": 40,
        "penalties": (0.0, 0.1, 1.0, 10.0, 100.0),
    },
    rehearsal={"raters": ("sim/faithful",)},
)
