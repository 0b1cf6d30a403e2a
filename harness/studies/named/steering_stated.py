"""A concept added to activations while items are completed, rated, or both: what a dose does."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from harness.errors import UsageError
from harness.prompts.catalogue import get_template
from harness.prompts.conditions import condition
from harness.report.parts.dose import Band, DoseLine, Responses, dose_response
from harness.report.parts.style import Plot
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.violins import Violin, violin_grid
from harness.report.parts.wording import shown
from harness.stats.effects.dose import (
    AgainstRandom,
    against_random,
    dose_slope,
    item_slopes,
    smallest_slope,
)
from harness.stats.effects.effects import holm, paired_delta
from harness.stats.intervals import FloatArray, Tested, mean_interval
from harness.studies.planted import Planted
from harness.studies.steered.expected import Expected, expected_of
from harness.studies.steered.levels import with_levels
from harness.studies.steered.model import Arm, Steered, arms, checked, served_name, steering_model
from harness.studies.steered.serving import steering_server
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

__all__ = ["NOTHING", "STUDY", "held_against", "responses"]

NOTHING = "nothing"
"""Where an unsteered cell is steered."""
_PLACES = ("measurement", "completion", "both")
_LEVELS = ("completed under", "measured under", "steered at", "direction", "dose")
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
    steered: tuple[str, ...] = _PLACES
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
    unknown = [one for one in given.steered if one not in _PLACES]
    if unknown or not given.steered:
        raise UsageError(
            f"steered={', '.join(given.steered)} of steering-stated; expected some of "
            f"{', '.join(_PLACES)}"
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


@dataclass(frozen=True)
class _Response:
    """Item means at each dose (items × doses) of one direction in one place and cell."""

    template: str
    persona: str
    context: str
    where: str
    direction: str
    values: FloatArray

    @property
    def bare(self) -> bool:
        """Without persona and context."""
        return self.persona == self.context == "none"


@dataclass(frozen=True)
class _Measured:
    """All responses, over common items and doses. `template` is each one's own."""

    items: tuple[str, ...]
    doses: tuple[float, ...]
    responses: Sequence[_Response]

    @property
    def concept(self) -> list[_Response]:
        """Those of the concept."""
        return [one for one in self.responses if not _is_random(one.direction)]

    def randoms(self, where: str, template: str) -> list[_Response]:
        """Those of random directions in one place, without persona and context."""
        return [
            one
            for one in self.responses
            if _is_random(one.direction) and (one.where, one.template) == (where, template)
        ]


def _is_random(direction: str) -> bool:
    return direction.startswith("random ")


_Key = tuple[str, str, str, str, str, float]


def responses(frame: pl.DataFrame) -> _Measured:
    """Item means by cell, gathered over doses, from records with their levels as columns.

    UsageError where no direction stands beside unsteered ratings.
    """
    names = ("template", *_LEVELS)
    means = (
        frame.filter((pl.col("kind") == "rating") & (pl.col("outcome") == "answered"))
        .group_by(*names, "item")
        .agg(pl.col("value").mean())
    )
    items = tuple(sorted(means["item"].unique()))
    doses = tuple(sorted(means["dose"].unique()))
    place = {item: row for row, item in enumerate(items)}
    found: dict[_Key, FloatArray] = {}
    for key, part in means.partition_by(*names, as_dict=True).items():
        column = np.full(len(items), np.nan)
        column[[place[item] for item in part["item"]]] = part["value"].to_numpy()
        found[key] = column
    responses = []
    for key in sorted({key[:5] for key in found if key[3] != NOTHING}):
        base = found.get((*key[:3], NOTHING, "none", 0.0))
        if base is None:
            continue
        columns = [
            base if dose == 0 else found.get((*key, dose), np.full(len(items), np.nan))
            for dose in doses
        ]
        responses.append(_Response(*key, np.column_stack(columns)))
    if not any(not _is_random(one.direction) for one in responses):
        raise UsageError("steering-stated: no direction's ratings stand beside unsteered ones")
    return _Measured(items, doses, responses)


def _analyse(given: Given) -> Found:
    parameters: _SteeringStated = given.parameters
    frame = with_levels(given.frame, given.logs, _LEVELS, study="steering-stated")
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
                plots=tuple(_dose_plots(found)),
                tables=(_random_table(found),),
            ),
            Section(
                title="Persona and context by dose",
                anchor="grid",
                plots=tuple(_violins(found, parameters)),
                tables=(_mean_table(found),),
            ),
        ],
        measured=[] if truth is None else list(_quantities(found, parameters, truth)),
    )


def held_against(one: _Response, found: _Measured) -> AgainstRandom:
    """A direction's mean slope against those of the random directions in its place."""
    slopes = [
        float(np.nanmean(item_slopes(other.values, found.doses)))
        for other in found.randoms(one.where, one.template)
    ]
    own = float(np.nanmean(item_slopes(one.values, found.doses)))
    return against_random(own, np.array(slopes))


def _slope_rows(found: _Measured) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for one in found.concept:
        beside = held_against(one, found) if one.bare else None
        rows.append(
            {"template": one.template, "steered": one.where, "made": one.persona}
            | {"asked": one.context, "slope": dose_slope(one.values, found.doses)}
            | {
                "p_random": None if beside is None else beside.p,
                "band": None if beside is None else beside.band,
                "directions": None if beside is None else beside.directions,
                "primary": one.bare and one.where in _PRIMARY,
            }
        )
    rest = [row for row in rows if not row["primary"]]
    corrected = holm({str(place): _tested(row).p for place, row in enumerate(rest)})
    for place, row in enumerate(rest):
        row["p_holm"] = corrected[str(place)]
    return sorted(
        rows,
        key=lambda row: (row["template"], _PLACES.index(str(row["steered"])), not row["primary"]),
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
        p = row["p_random"]
        assert isinstance(p, float)
        said.append(
            f"Steered at {row['steered']}, without persona and context: {shown(row['slope'])} per "
            f"unit of dose ({_tested(row).n} items); {row['directions']} random directions of the "
            f"same norm stay within ± {shown(row['band'], 'number')} in 95 of 100, p = "
            f"{p:.2g}."
        )
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
            Column("slope", "per unit of dose"),
            Column("p_random", "p against random", "plain"),
            Column("band", "random, 95 % within ±", "number"),
            Column("directions", "random directions", "count"),
            Column("p_holm", "p (Holm)", "plain"),
            Column("primary", "named beforehand"),
        ),
        rows=[row | {"p_holm": row.get("p_holm")} for row in rows],
        caption="Least-squares slope over doses of each item against itself, mean over items; "
        "intervals by sign flips. p against random: Student's t of the slope over the root mean "
        "square of the random directions' slopes. Holm over the slopes not named beforehand, each "
        "against 0.",
    )


def _mean_table(found: _Measured) -> Table:
    rows = []
    for one in found.concept:
        zero = found.doses.index(0.0)
        base = one.values[:, zero : zero + 1]
        for place, dose in enumerate(found.doses):
            column = one.values[:, place]
            rows.append(
                {"template": one.template, "steered": one.where, "made": one.persona}
                | {"asked": one.context, "dose": dose, "mean": mean_interval(column)}
                | {"delta": paired_delta(column[:, None], base) if dose else None}
            )
    return Table(
        name="cell_means",
        title="Mean by cell and dose",
        columns=(
            Column("template", "template"),
            Column("steered", "steered at"),
            Column("made", "completed under"),
            Column("asked", "measured under"),
            Column("dose", "dose", "number"),
            Column("mean", "mean rating"),
            Column("delta", "Δ from dose 0"),
        ),
        rows=rows,
        first=15,
    )


def _random_table(found: _Measured) -> Table:
    return Table(
        name="random_directions",
        title="Slopes of random directions of the same norm",
        columns=(
            Column("template", "template"),
            Column("steered", "steered at"),
            Column("direction", "direction"),
            Column("slope", "per unit of dose"),
        ),
        rows=[
            {"template": one.template, "steered": one.where, "direction": one.direction}
            | {"slope": dose_slope(one.values, found.doses)}
            for one in found.responses
            if _is_random(one.direction)
        ],
        first=10,
    )


def _dose_plots(found: _Measured) -> list[Plot]:
    plots = []
    for template in sorted({one.template for one in found.concept}):
        shown_here = [one for one in found.concept if one.bare and one.template == template]
        panels = [_panel(one, found) for one in sorted(shown_here, key=_by_place)]
        plots.append(
            dose_response(
                panels,
                name=f"dose_{template}",
                title=f"Rating by dose, {template}",
                caption="Mean rating without persona and context with its 95 % interval over "
                "items. Grey: each random direction of the same norm, and where 95 of 100 of them "
                f"are expected about the unsteered mean. n = {len(found.items)} items.",
            )
        )
    return plots


def _by_place(one: _Response) -> int:
    return _PLACES.index(one.where)


def _panel(one: _Response, found: _Measured) -> Responses:
    zero = found.doses.index(0.0)
    base = float(np.nanmean(one.values[:, zero]))
    others = [
        np.nanmean(other.values - other.values[:, zero : zero + 1], axis=0)
        for other in found.randoms(one.where, one.template)
    ]
    band = None
    if others:
        wide = [against_random(0.0, column).band for column in np.array(others).T]
        band = Band(
            found.doses,
            [base - width for width in wide],
            [base + width for width in wide],
            [list(base + other) for other in others],
        )
    points = [(dose, mean_interval(one.values[:, place])) for place, dose in enumerate(found.doses)]
    return Responses(
        f"steered at {one.where}",
        [DoseLine(one.direction, points)],
        "mean rating",
        band,
        note=f"n {len(found.items)}, {len(others)} random",
    )


_SHADES = ("#7b3294", "#a56bb8", "#c7a2d1", "#8b949e", "#a6c9a0", "#5aae61", "#1b7837")
"""From the most negative dose over none, in the middle, to the most positive."""


def _shades(doses: Sequence[float]) -> dict[str, str]:
    below = [dose for dose in doses if dose < 0]
    above = [dose for dose in doses if dose > 0]
    middle = len(_SHADES) // 2
    found = {_dose(0.0): _SHADES[middle]}
    found |= {_dose(dose): _SHADES[max(0, middle - 1 - place)]
              for place, dose in enumerate(reversed(below))}  # fmt: skip
    found |= {_dose(dose): _SHADES[min(len(_SHADES) - 1, middle + 1 + place)]
              for place, dose in enumerate(above)}  # fmt: skip
    return found


def _dose(dose: float) -> str:
    return f"{dose:+g}".replace("-", "−") if dose else "0"


def _violins(found: _Measured, given: _SteeringStated) -> list[Plot]:
    plots = []
    chosen = {(one.template, one.where) for one in found.concept}
    for template, where in sorted(chosen, key=lambda key: (key[0], _PLACES.index(key[1]))):
        values = [
            level.value
            for level in get_template(template, kind="rating", base=SHELL_DIRECTORY).levels
        ]
        room = 0.06 * (max(values) - min(values))
        here = [one for one in found.concept if (one.template, one.where) == (template, where)]
        personas = _ordered({one.persona for one in here}, given.personas)
        contexts = _ordered({one.context for one in here}, given.contexts)
        plots.append(
            violin_grid(
                {
                    (f"completed under {one.persona}", f"measured under {one.context}"): [
                        Violin(_dose(dose), one.values[:, place],
                               mean_interval(one.values[:, place]))
                        for place, dose in enumerate(found.doses)
                    ]
                    for one in here
                },
                name=f"grid_{template}_{where}",
                title=f"Item means by dose, steered at {where}, {template}",
                caption="Each violin holds one mean an item; dot and line are the mean over items "
                "with its 95 % interval. All panels share one axis; below, the dose.",
                rows=[f"completed under {one}" for one in personas],
                columns=[f"measured under {one}" for one in contexts],
                axis="rating",
                limits=(min(values) - room, max(values) + 2.4 * room),
                colours=_shades(found.doses),
            )
        )  # fmt: skip
    return plots


def _ordered(found: set[str], wanted: Sequence[str]) -> list[str]:
    """As the parameters have them, then any others."""
    known = [Path(one).stem if one.endswith(".toml") else one for one in wanted]
    return [*(one for one in known if one in found), *sorted(found - set(known))]


def _quantities(found: _Measured, given: _SteeringStated, truth: Expected) -> Iterator[Quantity]:
    vectors = {arm.label: arm.vector for arm in _arms(given)}
    for one in found.responses:
        means = partial(_planted_means, one, found, truth, vectors[one.direction], given.layer)
        cell = f"{one.direction}, steered at {one.where}, {one.persona} then {one.context}"
        yield Quantity(
            f"slope of {cell}",
            dose_slope(one.values, found.doses),
            partial(_planted_slope, means, found.doses),
        )
        if one.where == found.concept[0].where and not _is_random(one.direction):
            zero = found.doses.index(0.0)
            yield Quantity(
                f"unsteered mean, {one.persona} then {one.context}",
                mean_interval(one.values[:, zero]),
                partial(_planted_mean, means, zero),
            )


def _planted_means(
    one: _Response,
    found: _Measured,
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
    small={"doses": (-0.3, 0.0, 0.3), "randoms": 6, "per_origin": 20},
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
