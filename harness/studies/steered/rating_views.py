"""Tables and figures of ratings by dose."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness.prompts.catalogue import get_template
from harness.report.parts.dose import Band, DoseLine, Responses, dose_response
from harness.report.parts.style import Plot
from harness.report.parts.table import Column, Table
from harness.report.parts.violins import Violin, violin_grid
from harness.stats.effects.dose import (
    against_random,
    dose_slope,
)
from harness.stats.effects.effects import paired_delta
from harness.stats.intervals import mean_interval
from harness.studies.steered.doses import PLACES, Dosed, DosedRatings, is_random
from harness.where import SHELL_DIRECTORY

__all__ = ["dose_plots", "mean_table", "random_table", "violins"]


def mean_table(found: Dosed) -> Table:
    """Mean of each cell at each dose, and its change from dose 0."""
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


def random_table(found: Dosed) -> Table:
    """The slope of each random direction."""
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
            if is_random(one.direction)
        ],
        first=10,
    )


def dose_plots(found: Dosed) -> list[Plot]:
    """For each template, rating by dose in each place, without persona and context."""
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


def _by_place(one: DosedRatings) -> int:
    return PLACES.index(one.where)


def _panel(one: DosedRatings, found: Dosed) -> Responses:
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


def violins(found: Dosed, personas: Sequence[str], contexts: Sequence[str]) -> list[Plot]:
    """A grid of violins for each template and place: personas, in this order, by contexts."""
    plots = []
    chosen = {(one.template, one.where) for one in found.concept}
    for template, where in sorted(chosen, key=lambda key: (key[0], PLACES.index(key[1]))):
        values = [
            level.value
            for level in get_template(template, kind="rating", base=SHELL_DIRECTORY).levels
        ]
        room = 0.06 * (max(values) - min(values))
        here = [one for one in found.concept if (one.template, one.where) == (template, where)]
        rows = _ordered({one.persona for one in here}, personas)
        columns = _ordered({one.context for one in here}, contexts)
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
                rows=[f"completed under {one}" for one in rows],
                columns=[f"measured under {one}" for one in columns],
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
