"""Open questions answered under steering, judged: attitude by dose, where answers are coherent."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import numpy as np

from harness.errors import UsageError
from harness.items.open_questions import open_questions
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.wording import number
from harness.stats.effects.dose import against_random, slope_weights
from harness.stats.intervals import FloatArray
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
from harness.studies.steered.score_views import dose_table, score_plot
from harness.studies.steered.scores import NONE, OWN, RANGES, DosedScores, dosed
from harness.studies.steered.serving import steering_server
from harness.studies.steered.slopes import SLOPE_COLUMNS, slope_row, slope_words
from harness.studies.study import DesignCell, Found, Given, Quantity, Study, StudyDesign
from harness.where import SHELL_DIRECTORY

__all__ = ["STUDY"]

_SELECTORS = ("first", "last", "mean")
_LEVELS = ("direction", "layer", "dose")


class _SteeringOpenEnded(Steered, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of steering-open-ended.

    items: not taken: the items are the questions
    judge: the model that judges attitude and coherence
    judge_price: as price, of the judge; without, price
    topic: what the attitude is toward
    questions: `five`, or a TOML file, as in evals/open_ended.py
    doses: in units of the reference norm, a typical activation's
    selectors: tokens whose activations make the vector: first, last, mean
    layers: layers at whose output it is added (default: the vector's own)
    randoms: random directions of the same norm
    gate: mean coherence below which a dose does not count
    completion_tokens: length of an answer
    completion_temperature: of the answers
    completion_seed: generation seed of the first answer to each question; the next have the next
    judge_repeats: verdicts an answer
    """

    seeds: int = 4
    judge: str | None = None
    judge_price: str | None = None
    topic: str = "mathematics"
    questions: str = "five"
    doses: tuple[float, ...] = (-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3)
    selectors: tuple[str, ...] = _SELECTORS
    layers: tuple[int, ...] = ()
    randoms: int = 8
    gate: float = 0.7
    completion_tokens: int | None = 128
    completion_temperature: float | None = None
    completion_seed: int = 0
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
    yield _cell(given, steering_model(name), NONE, None, 0.0)
    for layer in _layers(given):
        for arm in _arms(given):
            for dose in sorted({*given.doses} - {0.0}):
                yield _cell(given, steering_model(name, arm, dose, layer), arm.label, layer, dose)


def _cell(
    given: _SteeringOpenEnded, model: str, direction: str, layer: int | None, dose: float
) -> DesignCell:
    at = NONE if direction == NONE else OWN if layer is None else str(layer)
    options = {
        "questions": given.questions,
        "topic": given.topic,
        "seeds": given.seeds,
        "block": given.block,
        "price": given.price,
        "judge_price": given.judge_price or given.price,
        "completion_max_tokens": given.completion_tokens,
        "completion_temperature": given.completion_temperature,
        "completion_seed": given.completion_seed,
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


def _analyse(given: Given) -> Found:
    parameters: _SteeringOpenEnded = given.parameters
    table = answers(given.logs, given.judgements, _LEVELS, study="steering-open-ended")
    found = dosed(table, parameters.gate)
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
                plots=(score_plot(found, parameters.gate),),
                tables=(dose_table(found),),
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


def _slope_rows(found: Sequence[DosedScores]) -> list[dict[str, object]]:
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
            {"direction": one.direction, "layer": one.layer}
            | slope_row(one.slope, beside)
            | {"counted": ", ".join(_dose(dose) for dose in counted) or "none"}
            | {"left_out": len(one.doses) - len(counted)}
        )
    return rows


def _dose(dose: float) -> str:
    return f"{dose:g}".replace("-", "−")


def _sentences(rows: Sequence[Mapping[str, object]]) -> list[str]:
    said = []
    for row in rows:
        layer = "its own layer" if row["layer"] == OWN else f"layer {row['layer']}"
        words = slope_words(row, f"over doses {row['counted']}")
        said.append(f"Vector at {row['direction']}, {layer}: attitude {words}")
    return said[:5]


def _slope_table(rows: list[dict[str, object]]) -> Table:
    return Table(
        name="slopes",
        title="Change of attitude per unit of dose",
        columns=(
            Column("direction", "vector at"),
            Column("layer", "layer"),
            *SLOPE_COLUMNS,
            Column("counted", "doses that count"),
            Column("left_out", "below the gate", "count"),
        ),
        rows=rows,
        caption="Least-squares slope over the doses whose answers are coherent. p: Student's t of "
        "the slope over the root mean square of the random directions' slopes.",
    )


def _quantities(
    found: Sequence[DosedScores], given: _SteeringOpenEnded, truth: Expected
) -> Iterator[Quantity]:
    vectors = {arm.label: arm.vector for arm in _arms(given)}
    texts = [one.text for one in open_questions(given.questions, given.topic, base=SHELL_DIRECTORY)]
    for one in found:
        layer = None if one.layer == OWN else int(one.layer)
        truths = partial(_planted, truth, texts, vectors[one.direction], layer, one)
        cell = f"{one.direction}, layer {one.layer}"
        yield Quantity(
            f"slope of attitude, {cell}", one.slope, partial(_planted_slope, truths, one)
        )
        if one.random:
            continue
        for place, dose in enumerate(one.doses):
            for column, kind in enumerate(RANGES):
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
    one: DosedScores,
) -> FloatArray:
    """Attitude and coherence (doses × 2)."""
    return np.array([truth.judged(texts, truth.push(vector, dose, layer)) for dose in one.doses])


def _planted_score(
    truths: Callable[[], FloatArray], place: int, column: int, planted: Planted
) -> float:
    return float(truths()[place, column])


def _planted_slope(truths: Callable[[], FloatArray], one: DosedScores, planted: Planted) -> float:
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
