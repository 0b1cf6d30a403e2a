"""Open questions answered under steering, judged: attitude by dose, where answers are coherent."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import polars as pl

from harness.errors import UsageError
from harness.items.open_questions import open_questions
from harness.report.parts.dose import Band, DoseLine, Responses, dose_response
from harness.report.parts.style import Plot
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.wording import number, shown
from harness.stats.effects.dose import against_random, slope_weights, weighted_sum
from harness.stats.intervals import Estimate, FloatArray, clustered_rate, undefined
from harness.studies.planted import Planted
from harness.studies.steered.answers import answers
from harness.studies.steered.expected import Expected, expected_of
from harness.studies.steered.model import (
    PLANTED,
    Arm,
    Steered,
    arms,
    checked,
    served_name,
    steering_model,
)
from harness.studies.steered.serving import steering_server
from harness.studies.study import DesignCell, Found, Given, Quantity, Study, StudyDesign
from harness.where import SHELL_DIRECTORY

__all__ = ["STUDY"]

_SELECTORS = ("first", "last", "mean")
_LEVELS = ("direction", "layer", "dose")
_OWN = "own"
"""The layer that a vector names itself."""
_NONE = "none"
_Kind = Literal["attitude", "coherence"]
_RANGES: Mapping[_Kind, tuple[float, float]] = {"attitude": (-1.0, 1.0), "coherence": (0.0, 1.0)}


class _SteeringOpenEnded(Steered, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of steering-open-ended.

    items: not taken: the items are the questions
    judge: the model that judges attitude and coherence
    topic: what the attitude is toward
    questions: `five`, or a TOML file, as in evals/open_ended.py
    doses: in units of the reference norm, a typical activation's
    selectors: tokens whose activations make the vector: first, last, mean
    layers: layers at whose output it is added (default: the vector's own)
    randoms: random directions of the same norm
    gate: mean coherence below which a dose does not count
    completion_tokens: length of an answer
    completion_temperature: of the answers
    judge_repeats: verdicts an answer
    """

    seeds: int = 4
    judge: str | None = None
    topic: str = "mathematics"
    questions: str = "five"
    doses: tuple[float, ...] = (-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3)
    selectors: tuple[str, ...] = _SELECTORS
    layers: tuple[int, ...] = ()
    randoms: int = 8
    gate: float = 0.7
    completion_tokens: int | None = 128
    completion_temperature: float | None = None
    judge_repeats: int = 1


def _check(given: _SteeringOpenEnded) -> None:
    checked(given, "steering-open-ended", vectors=3)
    if given.judge is None:
        raise UsageError(
            "steering-open-ended needs a judge of attitude and coherence; give --judge "
            "PROVIDER/MODEL"
        )
    unknown = [one for one in given.selectors if one not in _SELECTORS]
    if unknown or not given.selectors:
        raise UsageError(
            f"selectors={', '.join(given.selectors)} of steering-open-ended; expected some of "
            f"{', '.join(_SELECTORS)}"
        )
    if len({*given.doses} - {0.0}) < 2:
        raise UsageError(
            "steering-open-ended needs two doses besides 0 (--dose, in reference norms)"
        )
    if given.randoms < 3:
        raise UsageError(
            f"randoms={given.randoms} of steering-open-ended; a concept is held against at least 3 "
            "random directions"
        )
    if not 0 <= given.gate <= 1:
        raise UsageError(f"gate={given.gate:g} of steering-open-ended; expected 0 to 1")


def _arms(given: _SteeringOpenEnded) -> list[Arm]:
    return arms(given, selectors=_ordered(given), randoms=given.randoms)


def _ordered(given: _SteeringOpenEnded) -> tuple[str, ...]:
    return tuple(one for one in _SELECTORS if one in given.selectors)


def _layers(given: _SteeringOpenEnded) -> list[int | None]:
    return list(given.layers) or [None]


def _design(given: _SteeringOpenEnded) -> StudyDesign:
    _check(given)
    prepares = (
        f"first vectors are extracted: {given.positive} against {given.negative} over "
        f"{given.extract_items}, without a call"
    )
    return StudyDesign(
        tuple(_cells(given)),
        (
            "change of attitude per unit of dose, by selector and layer, over doses whose answers "
            "are coherent, against random directions",
        ),
        prepares="" if given.vector else prepares,
    )


def _cells(given: _SteeringOpenEnded) -> Iterator[DesignCell]:
    name = served_name(given)
    yield _cell(given, steering_model(name), _NONE, None, 0.0)
    for layer in _layers(given):
        for arm in _arms(given):
            for dose in sorted({*given.doses} - {0.0}):
                yield _cell(given, steering_model(name, arm, dose, layer), arm.label, layer, dose)


def _cell(
    given: _SteeringOpenEnded, model: str, direction: str, layer: int | None, dose: float
) -> DesignCell:
    at = _NONE if direction == _NONE else _OWN if layer is None else str(layer)
    options = {
        "questions": given.questions,
        "topic": given.topic,
        "seeds": given.seeds,
        "block": given.block,
        "price": given.price,
        "completion_max_tokens": given.completion_tokens,
        "completion_temperature": given.completion_temperature,
        "judge_repeats": given.judge_repeats,
    }
    return DesignCell(
        task="open_ended",
        options={key: value for key, value in options.items() if value is not None},
        rater=model,
        completer=model,
        judge=given.judge,
        levels={"direction": direction, "layer": at, "dose": f"{dose:g}"},
    )


def _opened(given: _SteeringOpenEnded, folder: Path) -> AbstractContextManager[None]:
    return steering_server(given, folder, _arms(given), _ordered(given))


@dataclass(frozen=True)
class _Dosed:
    """One direction at one layer: by dose, attitude of coherent answers and coherence of all."""

    direction: str
    layer: str
    doses: tuple[float, ...]
    attitude: tuple[Estimate, ...]
    coherence: tuple[Estimate, ...]
    counts: tuple[tuple[int, int], ...]
    gate: float

    @property
    def random(self) -> bool:
        """Whether it is a random direction."""
        return self.direction.startswith("random ")

    @property
    def counted(self) -> list[int]:
        """Places of the doses whose answers are coherent enough."""
        return [
            place
            for place, (one, other) in enumerate(zip(self.coherence, self.attitude, strict=True))
            if one.estimate >= self.gate and np.isfinite(other.estimate)
        ]

    @property
    def slope(self) -> Estimate:
        """Attitude per unit of dose over the doses that count."""
        places = self.counted
        if len(places) < 2:
            return undefined("answers are coherent at fewer than two doses")
        weights = slope_weights([self.doses[place] for place in places])
        return weighted_sum([self.attitude[place] for place in places], weights.tolist())


def _scored(cell: pl.DataFrame, kind: _Kind) -> Estimate:
    """Mean of scores in a range, with Wilson's interval at the scores' own spread over seeds:
    answers to two questions that were drawn with one seed may be alike."""
    low, high = _RANGES[kind]
    by_seed = (
        cell.filter(pl.col(kind).is_not_null())
        .group_by("seed")
        .agg(((pl.col(kind) - low) / (high - low)).sum().alias("sum"), pl.len().alias("count"))
        .sort("seed")
    )
    if not by_seed.height:
        return undefined("no answers")
    found = clustered_rate(
        by_seed["sum"].to_numpy().astype(np.float64),
        by_seed["count"].to_numpy().astype(np.float64),
    )
    back = [low + (high - low) * one for one in (found.estimate, found.low, found.high)]
    return msgspec.structs.replace(
        found, estimate=back[0], low=back[1], high=back[2], n=int(by_seed["count"].sum())
    )


def _dosed(table: pl.DataFrame, gate: float) -> list[_Dosed]:
    base = table.filter(pl.col("direction") == _NONE)
    if not base.height:
        raise UsageError("steering-open-ended: no unsteered answers in these logs")
    found = []
    steered = table.filter(pl.col("direction") != _NONE)
    for (direction, layer), part in sorted(
        steered.partition_by("direction", "layer", as_dict=True).items(), key=str
    ):
        cells = {0.0: base} | {
            float(str(dose)): cell
            for (dose,), cell in part.partition_by("dose", as_dict=True).items()
        }
        doses = tuple(sorted(cells))
        found.append(
            _Dosed(
                str(direction),
                str(layer),
                doses,
                tuple(_scored(cells[dose], "attitude") for dose in doses),
                tuple(_scored(cells[dose], "coherence") for dose in doses),
                tuple(
                    (cells[dose].height, cells[dose]["attitude"].drop_nulls().len())
                    for dose in doses
                ),
                gate,
            )
        )
    return found


def _analyse(given: Given) -> Found:
    parameters: _SteeringOpenEnded = given.parameters
    table = answers(given.logs, given.judgements, _LEVELS, study="steering-open-ended")
    found = _dosed(table, parameters.gate)
    rows = _slope_rows(found)
    truth = expected_of(parameters, given.places, sentences=parameters.completion_tokens)
    return Found(
        sentences=_sentences(rows),
        tables=[_slope_table(rows)],
        sections=[
            Section(
                title="Dose and response",
                anchor="dose",
                text=(
                    "A dose of 1 adds a vector as long as a typical activation (the mean norm "
                    "without each conversation's first token). Answers that are no language have "
                    "no attitude; a dose counts where mean coherence reaches "
                    f"{parameters.gate:g}.",
                ),
                plots=(_plot(found, parameters.gate),),
                tables=(_dose_table(found),),
            )
        ],
        measured=[] if truth is None else list(_quantities(found, parameters, truth)),
        facts=[
            (number(table.height, "count"), "answers"),
            (number(table["item"].n_unique(), "count"), "questions"),
            (number(len({one.direction for one in found if not one.random}), "count"), "vectors"),
            (number(len({one.direction for one in found if one.random}), "count"),
             "random directions"),
            (number(float(table["failed"].mean() or 0.0), "share"), "failed"),  # type: ignore[arg-type]
        ],
    )  # fmt: skip


def _slope_rows(found: Sequence[_Dosed]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for one in found:
        if one.random:
            continue
        others = [
            other.slope.estimate for other in found if other.random and other.layer == one.layer
        ]
        beside = against_random(one.slope.estimate, np.array(others))
        counted = [one.doses[place] for place in one.counted]
        rows.append(
            {"direction": one.direction, "layer": one.layer, "slope": one.slope}
            | {"p_random": beside.p, "band": beside.band, "directions": beside.directions}
            | {"counted": ", ".join(_dose(dose) for dose in counted) or "none"}
            | {"left_out": len(one.doses) - len(counted)}
        )
    return rows


def _dose(dose: float) -> str:
    return f"{dose:g}".replace("-", "−")


def _sentences(rows: Sequence[Mapping[str, object]]) -> list[str]:
    said = []
    for row in rows:
        slope, p = row["slope"], row["p_random"]
        assert isinstance(slope, Estimate) and isinstance(p, float)
        layer = "its own layer" if row["layer"] == _OWN else f"layer {row['layer']}"
        said.append(
            f"Vector at {row['direction']}, {layer}: attitude {shown(slope)} per unit of dose over "
            f"doses {row['counted']}; {row['directions']} random directions of the same norm stay "
            f"within ± {shown(row['band'], 'number')} in 95 of 100, p = {p:.2g}."
        )
    return said[:5]


def _slope_table(rows: list[dict[str, object]]) -> Table:
    return Table(
        name="slopes",
        title="Change of attitude per unit of dose",
        columns=(
            Column("direction", "vector at"),
            Column("layer", "layer"),
            Column("slope", "per unit of dose"),
            Column("p_random", "p against random", "plain"),
            Column("band", "random, 95 % within ±", "number"),
            Column("directions", "random directions", "count"),
            Column("counted", "doses that count"),
            Column("left_out", "below the gate", "count"),
        ),
        rows=rows,
        caption="Least-squares slope over the doses whose answers are coherent. p: Student's t of "
        "the slope over the root mean square of the random directions' slopes.",
    )


def _dose_table(found: Sequence[_Dosed]) -> Table:
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


def _plot(found: Sequence[_Dosed], gate: float) -> Plot:
    layers = list(dict.fromkeys(one.layer for one in found))
    named = {layer: "the vector's layer" if layer == _OWN else f"layer {layer}" for layer in layers}
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


def _line(one: _Dosed, values: Sequence[Estimate]) -> DoseLine:
    hollow = [dose for place, dose in enumerate(one.doses) if place not in one.counted]
    points = list(zip(one.doses, values, strict=True))
    return DoseLine(f"vector at {one.direction}", points, hollow)


def _note(found: Sequence[_Dosed], layer: str) -> str:
    counts = [count for one in found if one.layer == layer for count, _ in one.counts]
    return f"n {min(counts)} a dose"


def _band(found: Sequence[_Dosed], layer: str, kind: _Kind) -> Band | None:
    randoms = [one for one in found if one.random and one.layer == layer]
    if not randoms:
        return None
    doses = randoms[0].doses
    zero = doses.index(0.0)
    rows = [[value.estimate for value in getattr(one, kind)] for one in randoms]
    values = np.array(rows) - np.array(rows)[:, zero : zero + 1]
    base = rows[0][zero]
    low, high = _RANGES[kind]
    wide = [against_random(0.0, column).band for column in values.T]
    return Band(
        doses,
        [max(low, base - width) for width in wide],
        [min(high, base + width) for width in wide],
        rows,
    )


def _quantities(
    found: Sequence[_Dosed], given: _SteeringOpenEnded, truth: Expected
) -> Iterator[Quantity]:
    vectors = {arm.label: arm.vector for arm in _arms(given)}
    texts = [one.text for one in open_questions(given.questions, given.topic, base=SHELL_DIRECTORY)]
    for one in found:
        layer = None if one.layer == _OWN else int(one.layer)
        truths = partial(_planted, truth, texts, vectors[one.direction], layer, one)
        cell = f"{one.direction}, layer {one.layer}"
        yield Quantity(
            f"slope of attitude, {cell}", one.slope, partial(_planted_slope, truths, one)
        )
        if one.random:
            continue
        for place, dose in enumerate(one.doses):
            for column, kind in enumerate(_RANGES):
                yield Quantity(
                    f"{kind} at {dose:g}, {cell}",
                    getattr(one, kind)[place],
                    partial(_planted_score, truths, place, column),
                )


def _planted(
    truth: Expected,
    texts: Sequence[str],
    vector: str,
    layer: int | None,
    one: _Dosed,
) -> FloatArray:
    """Attitude and coherence (doses × 2)."""
    return np.array([truth.judged(texts, truth.push(vector, dose, layer)) for dose in one.doses])


def _planted_score(
    truths: Callable[[], FloatArray], place: int, column: int, planted: Planted
) -> float:
    return float(truths()[place, column])


def _planted_slope(truths: Callable[[], FloatArray], one: _Dosed, planted: Planted) -> float:
    places = one.counted
    weights = slope_weights([one.doses[place] for place in places])
    return float(weights @ truths()[places, 0])


STUDY = Study(
    name="steering-open-ended",
    question="What does a concept's vector do to the attitude that speaks from open answers?",
    parameters=_SteeringOpenEnded,
    design=_design,
    analyse=_analyse,
    small={"doses": (-0.6, -0.15, 0.0, 0.15, 0.6), "randoms": 4, "layers": (1, 2), "seeds": 8},
    rehearsal={
        "model": (PLANTED,),
        "judge": "sim/judge",
        "extract_items": "marked",
        "extract_tokens": 2,
        "completion_tokens": 2,
        "completion_temperature": 1.0,
    },
    needs=("steering", "judge"),
    opened=_opened,
    raters=False,
    records=False,
)
