"""Table and figure of attitude and coherence by dose."""

from collections.abc import Sequence

import numpy as np

from harness.report.parts.dose import Band, DoseLine, Responses, dose_response
from harness.report.parts.style import Plot
from harness.report.parts.table import Column, Table
from harness.stats.effects.dose import against_random
from harness.stats.intervals import Estimate
from harness.studies.steered.scores import OWN, RANGES, DosedScores, Kind

__all__ = ["dose_table", "score_plot"]


def dose_table(found: Sequence[DosedScores]) -> Table:
    """Scores of each direction at each dose, and whether the dose counts."""
    return Table(
        name="by_dose",
        title="Attitude and coherence by dose",
        columns=(
            Column("direction", "vector at"),
            Column("layer", "layer"),
            Column("dose", "dose", "plain"),
            Column("attitude", "attitude, −1 to 1"),
            Column("coherence", "coherence, 0 to 1"),
            Column("answers", "answers", "count"),
            Column("with_attitude", "with an attitude", "count"),
            Column("counts", "counts"),
        ),
        rows=[
            {"direction": one.direction, "layer": one.layer, "dose": dose}
            | {"attitude": one.attitude[place], "coherence": one.coherence[place]}
            | {"answers": one.counts[place][0], "with_attitude": one.counts[place][1]}
            | {"counts": place in one.counted}
            for one in sorted(found, key=lambda one: one.random)
            for place, dose in enumerate(one.doses)
        ],
        caption="Means over answers, with Wilson's interval at their spread over generation seeds.",
        first=24,
    )


def score_plot(found: Sequence[DosedScores], gate: float) -> Plot:
    """Attitude and coherence by dose, a column a layer."""
    layers = list(dict.fromkeys(one.layer for one in found))
    named = {layer: "the vector's layer" if layer == OWN else f"layer {layer}" for layer in layers}
    panels = [
        Responses(
            f"attitude, {named[layer]}",
            [_line(one, one.attitude) for one in found if one.layer == layer and not one.random],
            "attitude",
            _band(found, layer, "attitude"),
            limits=(-1.08, 1.08),
            note=_note(found, layer),
        )
        for layer in layers
    ] + [
        Responses(
            f"coherence, {named[layer]}",
            [_line(one, one.coherence) for one in found if one.layer == layer and not one.random],
            "coherence",
            _band(found, layer, "coherence"),
            gate=gate,
            limits=(-0.04, 1.06),
        )
        for layer in layers
    ]
    return dose_response(
        panels,
        name="dose",
        title="Attitude and coherence by dose",
        caption="Means over answers with 95 % intervals; hollow where coherence lies below the "
        "gate, and a slope does not count the dose. Grey: random directions of the same norm.",
        columns=len(layers),
    )


def _line(one: DosedScores, values: Sequence[Estimate]) -> DoseLine:
    hollow = [dose for place, dose in enumerate(one.doses) if place not in one.counted]
    points = list(zip(one.doses, values, strict=True))
    return DoseLine(f"vector at {one.direction}", points, hollow)


def _note(found: Sequence[DosedScores], layer: str) -> str:
    counts = [count for one in found if one.layer == layer for count, _ in one.counts]
    return f"n {min(counts)} a dose"


def _band(found: Sequence[DosedScores], layer: str, kind: Kind) -> Band | None:
    randoms = [one for one in found if one.random and one.layer == layer]
    if not randoms:
        return None
    doses = randoms[0].doses
    zero = doses.index(0.0)
    rows = [[value.estimate for value in getattr(one, kind)] for one in randoms]
    values = np.array(rows) - np.array(rows)[:, zero : zero + 1]
    base = rows[0][zero]
    low, high = RANGES[kind]
    wide = [against_random(0.0, column).band for column in values.T]
    return Band(
        doses,
        [max(low, base - width) for width in wide],
        [min(high, base + width) for width in wide],
        rows,
    )
