"""A concept added to activations while items are completed, rated, or both: what a dose does."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import numpy as np

from harness.errors import UsageError
from harness.prompts.conditions import condition
from harness.report.parts.table import Column, Section, Table
from harness.stats.effects.dose import (
    dose_slope,
    item_slopes,
    smallest_slope,
)
from harness.stats.effects.effects import holm
from harness.stats.intervals import FloatArray, Tested, mean_interval
from harness.studies.planted import Planted
from harness.studies.steered.doses import (
    LEVELS,
    NOTHING,
    PLACES,
    Dosed,
    DosedRatings,
    held_against,
    is_random,
    responses,
)
from harness.studies.steered.expected import Expected, expected_of
from harness.studies.steered.levels import with_levels
from harness.studies.steered.model import Arm, Steered, arms, checked, served_name, steering_model
from harness.studies.steered.rating_views import dose_plots, mean_table, random_table, violins
from harness.studies.steered.serving import steering_server
from harness.studies.steered.slopes import SLOPE_COLUMNS, slope_row, slope_words
from harness.studies.study import (
    Basis,
    Contrast,
    DesignCell,
    Found,
    Given,
    Quantity,
    Study,
    StudyDesign,
    rating_cell,
)
from harness.where import SHELL_DIRECTORY

__all__ = ["STUDY"]

_PRIMARY = ("measurement", "completion")


class _SteeringStated(Steered, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of steering-stated.

    personas: system prompts at completion, `none` among them
    contexts: system prompts at measurement, `none` among them
    doses: in units of the reference norm, a typical activation's
    steered: when the vector is added: measurement, completion, both
    randoms: random directions of the same norm, asked without persona and context
    layer: layer at whose output the vector is added (default: the vector's own)
    readout: how ratings are read, as in the rating evals
    min_label_mass: below this total probability of the labels a rating is invalid
    completion_tokens: length of the completions
    completion_temperature: of the completions
    """

    items: str = "builtin:math"
    personas: tuple[str, ...] = ("hates_math", "none", "loves_math")
    contexts: tuple[str, ...] = ("hates_math", "none", "loves_math")
    doses: tuple[float, ...] = (-0.6, -0.3, 0.0, 0.3, 0.6)
    steered: tuple[str, ...] = PLACES
    randoms: int = 8
    layer: int | None = None
    readout: str = "logprobs"
    min_label_mass: float = 0.5
    completion_tokens: int | None = None
    completion_temperature: float | None = None


def _check(given: _SteeringStated) -> None:
    checked(given, "steering-stated")
    for name in ("personas", "contexts"):
        values = getattr(given, name)
        for value in values:
            condition(value, base=SHELL_DIRECTORY)
        if "none" not in values:
            raise UsageError(f"{name}={', '.join(values)} of steering-stated; expected none too")
    unknown = [one for one in given.steered if one not in PLACES]
    if unknown or not given.steered:
        raise UsageError(
            f"steered={', '.join(given.steered)} of steering-stated; expected some of "
            f"{', '.join(PLACES)}"
        )
    if len({*given.doses} - {0.0}) < 2:
        raise UsageError("steering-stated needs two doses besides 0 (--dose, in reference norms)")
    if given.randoms < 3:
        raise UsageError(
            f"randoms={given.randoms} of steering-stated; a concept is held against at least 3 "
            "random directions"
        )


def _arms(given: _SteeringStated) -> list[Arm]:
    return arms(given, randoms=given.randoms)


def _doses(given: _SteeringStated) -> list[float]:
    return sorted({*given.doses, 0.0})


def _design(given: _SteeringStated) -> StudyDesign:
    _check(given)
    cells = tuple(_cells(given))
    doses = _doses(given)
    return StudyDesign(
        cells,
        tuple(
            f"slope per unit of dose, steered at {where}, without persona and context, against "
            "random directions"
            for where in _PRIMARY
            if where in given.steered
        ),
        (
            Contrast(
                "change over one reference norm, against random directions that move nothing",
                partial(_smallest, doses=doses, directions=given.randoms),
            ),
        ),
        prepares=_prepares(given),
    )


def _prepares(given: Steered) -> str:
    if given.vector:
        return ""
    return (
        f"first the vector is extracted: {given.positive} against {given.negative} over "
        f"{given.extract_items}, without a call"
    )


def _smallest(basis: Basis, *, doses: Sequence[float], directions: int) -> float:
    return smallest_slope(
        repeats_sd=basis.spread.repeats,
        effect_sd=basis.spread.effect,
        items=basis.items,
        repeats=basis.repeats,
        doses=doses,
        directions=directions,
    )


def _cells(given: _SteeringStated) -> Iterator[DesignCell]:
    name = served_name(given)
    known = _arms(given)
    for template in given.templates:
        for persona in given.personas:
            for context in given.contexts:
                cell = partial(_cell, given, name, template, persona, context)
                yield cell(NOTHING, None, 0.0)
                bare = persona == context == "none"
                for where in given.steered:
                    for arm in known:
                        if arm.random and not bare:
                            continue
                        for dose in _doses(given):
                            if dose:
                                yield cell(where, arm, dose)


def _cell(
    given: _SteeringStated,
    name: str,
    template: str,
    persona: str,
    context: str,
    where: str,
    arm: Arm | None,
    dose: float,
) -> DesignCell:
    steered = steering_model(name, arm, dose, given.layer)
    plain = steering_model(name)
    levels = {"template": template, "completed under": persona, "measured under": context}
    levels |= {"steered at": where, "direction": "none" if arm is None else arm.label}
    more = {
        "completion_max_tokens": given.completion_tokens,
        "completion_temperature": given.completion_temperature,
    }
    return rating_cell(
        given,
        steered if where in ("measurement", "both") else plain,
        template,
        completer=steered if where in ("completion", "both") else plain,
        levels=levels | {"dose": f"{dose:g}"},
        completion_sysprompt=persona,
        measurement_sysprompt=context,
        readout=given.readout,
        min_label_mass=given.min_label_mass,
        **{key: value for key, value in more.items() if value is not None},
    )


def _opened(given: _SteeringStated, folder: Path) -> AbstractContextManager[None]:
    return steering_server(given, folder, _arms(given))


def _analyse(given: Given) -> Found:
    parameters: _SteeringStated = given.parameters
    frame = with_levels(given.frame, given.logs, LEVELS, study="steering-stated")
    found = responses(frame)
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
                    "without each conversation's first token).",
                ),
                plots=tuple(dose_plots(found)),
                tables=(random_table(found),),
            ),
            Section(
                title="Persona and context by dose",
                anchor="grid",
                plots=tuple(violins(found, parameters.personas, parameters.contexts)),
                tables=(mean_table(found),),
            ),
        ],
        measured=[] if truth is None else list(_quantities(found, parameters, truth)),
    )


def _slope_rows(found: Dosed) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for one in found.concept:
        beside = held_against(one, found) if one.bare else None
        rows.append(
            {"template": one.template, "steered": one.where, "made": one.persona}
            | {"asked": one.context, "primary": one.bare and one.where in _PRIMARY}
            | slope_row(dose_slope(one.values, found.doses), beside)
        )
    rest = [row for row in rows if not row["primary"]]
    corrected = holm({str(place): _tested(row).p for place, row in enumerate(rest)})
    for place, row in enumerate(rest):
        row["p_holm"] = corrected[str(place)]
    return sorted(
        rows,
        key=lambda row: (row["template"], PLACES.index(str(row["steered"])), not row["primary"]),
    )


def _tested(row: Mapping[str, object]) -> Tested:
    value = row["slope"]
    assert isinstance(value, Tested)
    return value


def _sentences(rows: Sequence[Mapping[str, object]]) -> list[str]:
    said = []
    for row in rows:
        if row["made"] != "none" or row["asked"] != "none":
            continue
        words = slope_words(row, f"({_tested(row).n} items)")
        said.append(f"Steered at {row['steered']}, without persona and context: {words}")
    return said[:5]


def _slope_table(rows: list[dict[str, object]]) -> Table:
    return Table(
        name="slopes",
        title="Change of the rating per unit of dose",
        columns=(
            Column("template", "template"),
            Column("steered", "steered at"),
            Column("made", "completed under"),
            Column("asked", "measured under"),
            *SLOPE_COLUMNS,
            Column("p_holm", "p (Holm)", "p"),
            Column("primary", "named beforehand"),
        ),
        rows=[row | {"p_holm": row.get("p_holm")} for row in rows],
        caption="Least-squares slope over doses of each item against itself, mean over items; "
        "intervals by sign flips. p against random: Student's t of the slope over the root mean "
        "square of the random directions' slopes. Holm over the slopes not named beforehand, each "
        "against 0.",
    )


def _quantities(found: Dosed, given: _SteeringStated, truth: Expected) -> Iterator[Quantity]:
    vectors = {arm.label: arm.vector for arm in _arms(given)}
    for one in found.responses:
        means = partial(_planted_means, one, found, truth, vectors[one.direction], given.layer)
        cell = f"{one.direction}, steered at {one.where}, {one.persona} then {one.context}"
        yield Quantity(
            f"slope of {cell}",
            dose_slope(one.values, found.doses),
            partial(_planted_slope, means, found.doses),
        )
        if one.where == found.concept[0].where and not is_random(one.direction):
            zero = found.doses.index(0.0)
            yield Quantity(
                f"unsteered mean, {one.persona} then {one.context}",
                mean_interval(one.values[:, zero]),
                partial(_planted_mean, means, zero),
            )


def _planted_means(
    one: DosedRatings,
    found: Dosed,
    truth: Expected,
    vector: str,
    layer: int | None,
) -> FloatArray:
    columns = []
    for dose in found.doses:
        push = truth.push(vector, dose, layer)
        none = truth.push(vector, 0.0)
        pushes = (
            push if one.where in ("completion", "both") else none,
            push if one.where in ("measurement", "both") else none,
        )
        columns.append(truth.ratings(found.items, one.persona, one.context, pushes))
    return np.column_stack(columns)


def _planted_slope(
    means: Callable[[], FloatArray], doses: Sequence[float], planted: Planted
) -> float:
    return float(item_slopes(means(), doses).mean())


def _planted_mean(means: Callable[[], FloatArray], place: int, planted: Planted) -> float:
    return float(means()[:, place].mean())


STUDY = Study(
    name="steering-stated",
    question="What does a concept's vector, added at completion or measurement, do to ratings?",
    parameters=_SteeringStated,
    design=_design,
    analyse=_analyse,
    small={"doses": (-0.3, 0.0, 0.3), "randoms": 4, "per_origin": 16},
    rehearsal={
        "model": ("tiny:planted",),
        "items": "marked",
        "extract_items": "marked",
        "extract_tokens": 2,
        "completion_tokens": 2,
        # One seed stands for all completions: drawn, those of this model would be alike.
        "completion_temperature": 0.0,
    },
    needs=("steering",),
    opened=_opened,
    raters=False,
)
