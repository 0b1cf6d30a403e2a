"""Tables and panels of penalised fits."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.report.parts.lines import Curve, LinePanel, lines
from harness.report.parts.style import Plot
from harness.report.parts.table import Column, Section, Table
from harness.stats.intervals import Estimate
from harness.stats.thurstone.regularisation import (
    BOUND,
    COIN,
    Regularised,
)
from harness.studies.penalised.data import PenalisedData

__all__ = ["LARGEST", "impossible_table", "penalised_section", "said_penalty", "summary_table"]

LARGEST = float(np.exp(BOUND))
_REPORTED = {"sparse synthetic": 14.0, "real": 45.0}
"""Largest σ at λ = 0 that the research log reported."""
_KINDS = {"log": "L2 on log σ", "sigma": "L2 on σ"}


def summary_table(found: Sequence[PenalisedData]) -> Table:
    """For each set, the fit with σ = 1 beside the best with σ fitted."""
    rows: list[dict[str, Any]] = []
    for one in found:
        best = min(one.path[1:], key=lambda row: row.test.estimate)
        for words, row in (("σ = 1, τ estimated", one.path[0]), ("best with σ fitted", best)):
            rows.append(
                {"data": one.name, "fit": words, "penalty": said_penalty(row)}
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


def said_penalty(row: Regularised) -> str:
    """A fit's penalty and bounds in words."""
    if row.penalty is None:
        return ""
    kind = f"{_KINDS[str(row.penalty_on)]}, " if row.penalty else ""
    return f"{kind}λ = {row.penalty:g}{'' if row.bounded else ', unbounded'}"


def impossible_table(found: Sequence[PenalisedData]) -> Table:
    """Largest σ at the smallest λ, bounded and free, beside what the log reported."""
    rows = []
    for one in found:
        least = min(row.penalty for row in one.path if row.penalty is not None)
        at = {
            (row.penalty_on, row.bounded): row.max_sigma for row in one.path if row.penalty == least
        }
        rows.append(
            {"data": one.name, "penalty": least, "bounded": at["log", True]}
            | {"free": at["log", False], "bound": LARGEST, "log": _REPORTED.get(one.kind)}
            | {"possible": "no" if _REPORTED.get(one.kind, 0) > LARGEST else "–"}
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


def penalised_section(one: PenalisedData, at: int) -> Section:
    """Panels and every fit of one set."""
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


def _plot(one: PenalisedData, at: int) -> Plot:
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
                marks=((LARGEST, f"bound {LARGEST:.2f}"),),
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


def _path_table(one: PenalisedData, at: int) -> Table:
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
            {"data": one.name, "kind": _KINDS.get(str(row.penalty_on), "σ = 1")}
            | {"bounded": row.bounded}
            | {"penalty": row.penalty, "train": row.train, "test": row.test, "coin": COIN}
            | {"accuracy": row.accuracy, "mean_sigma": row.mean_sigma}
            | {"max_sigma": row.max_sigma, "at_bound": row.at_bound}
            for row in one.path
        ],
        first=20,
    )
