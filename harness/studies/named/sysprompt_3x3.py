"""Completion system prompt × measurement system prompt, each against, none, for."""

from functools import partial

import numpy as np

from harness.analysis.names import slugs
from harness.errors import UsageError
from harness.prompts.catalogue import get_template
from harness.prompts.conditions import condition
from harness.report.parts.dots import Dot, Panel, dots
from harness.report.parts.style import Plot, palette
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.violins import Violin, violin_grid
from harness.report.parts.wording import shown
from harness.stats.effects.factorial import cells_3x3, effects_3x3
from harness.stats.effects.power import smallest_effect
from harness.stats.intervals import Bootstrap, FloatArray, mean_interval
from harness.studies.planted import Planted
from harness.studies.study import (
    Basis,
    Contrast,
    Found,
    Given,
    Parameters,
    Quantity,
    Study,
    StudyDesign,
    crossed,
    estimate_in,
)
from harness.where import SHELL_DIRECTORY

__all__ = ["STUDY"]


class _Sysprompt3x3(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of sysprompt-3x3.

    positive: the system prompt that is for the items
    negative: the system prompt that is against them
    """

    items: str = "builtin:math"
    seeds: int = 5
    positive: str = "loves_math"
    negative: str = "hates_math"


_EFFECTS = {
    "completion": "completion prompt, averaged over measurement",
    "completion_in_neutral": "completion prompt, measured without one",
    "measurement": "measurement prompt, averaged over completion",
    "measurement_in_neutral": "measurement prompt, completed without one",
    "ratio": "measurement ÷ completion",
}
_PRIMARY = ("completion_in_neutral", "measurement")


def _design(given: _Sysprompt3x3) -> StudyDesign:
    for name in (given.positive, given.negative):
        if condition(name, base=SHELL_DIRECTORY).name == "none":
            raise UsageError("sysprompt-3x3 needs two system prompts; 'none' is its neutral level")
    order = (given.negative, "none", given.positive)
    cells = crossed(
        given,
        [
            (
                {"completed under": made, "measured under": asked},
                {"completion_sysprompt": made, "measurement_sysprompt": asked},
            )
            for made in order
            for asked in order
        ],
    )
    return StudyDesign(
        cells,
        (
            "effect of the completion prompt (for − against), measured without a prompt",
            "effect of the measurement prompt (for − against), over completion prompts",
        ),
        (
            Contrast("completion prompt, measured without one", partial(_smallest, averaged=1)),
            Contrast("measurement prompt, over completion prompts", partial(_smallest, averaged=3)),
        ),
    )


def _smallest(basis: Basis, *, averaged: int) -> float:
    return smallest_effect(
        basis.spread, items=basis.items, repeats=basis.repeats, averaged=averaged
    )


def _analyse(given: Given) -> Found:
    parameters: _Sysprompt3x3 = given.parameters
    names = [
        condition(name, base=SHELL_DIRECTORY).name
        for name in (parameters.negative, parameters.positive)
    ]
    order = (names[0], "none", names[1])
    rows, means, sections, measured = [], [], [], []
    frame = given.ratings
    raters = frame["rater"].unique().sort().to_list()
    anchors = slugs(raters)
    for (rater, template), part in sorted(
        frame.partition_by("rater", "template", as_dict=True).items()
    ):
        items, cells = cells_3x3(part, negative=order[0], positive=order[2])
        effects = effects_3x3(cells, bootstrap=given.bootstrap)
        named = {"rater": str(rater), "template": str(template)}
        key = part.row(0, named=True)
        for effect, words in _EFFECTS.items():
            rows.append(named | {"effect": words, "estimate": effects[effect]}
                        | {"primary": effect in _PRIMARY})  # fmt: skip
            if effect != "ratio":
                truth = partial(_planted_effect, key=key, items=items, order=order, effect=effect)
                measured.append(Quantity(f"{words}, {rater}", effects[effect], truth))
        if cells.ndim == 4:
            cells = cells.mean(axis=1)
        table, found = _cell_means(cells, items, key, order, named)
        means += table
        measured += found
        name = f"{anchors[str(rater)]}_{template}"
        sections.append(
            Section(
                title=f"{rater}, {template}",
                anchor=f"grid_{name}",
                plots=(_violins(cells, order, key, name, palette(raters)),),
            )
        )
    return Found(
        sentences=_sentences(rows),
        tables=[_effect_table(rows)],
        sections=[
            Section(title="Effects", anchor="effects", plots=(_dots(rows, raters),),
                    tables=(_mean_table(means),)),
            *sections,
        ],
        measured=measured,
    )  # fmt: skip


def _cell_means(
    cells: FloatArray,
    items: tuple[str, ...],
    key: dict[str, object],
    order: tuple[str, ...],
    named: dict[str, str],
) -> tuple[list[dict[str, object]], list[Quantity]]:
    rows, measured = [], []
    for i, made in enumerate(order):
        for j, asked in enumerate(order):
            mean = mean_interval(cells[:, i, j])
            rows.append(named | {"completion": made, "measurement": asked, "mean": mean})
            cell = key | {"completion_sysprompt": made, "measurement_sysprompt": asked}
            rated = tuple(np.asarray(items)[np.isfinite(cells[:, i, j])])
            measured.append(
                Quantity(
                    f"mean completed under {made}, measured under {asked}, {named['rater']}",
                    mean,
                    partial(_planted_mean, key=cell, items=rated),
                )
            )
    return rows, measured


def _planted_mean(planted: Planted, *, key: dict[str, object], items: tuple[str, ...]) -> float:
    return float(planted.means(key, items).mean())


def _planted_effect(
    planted: Planted,
    *,
    key: dict[str, object],
    items: tuple[str, ...],
    order: tuple[str, ...],
    effect: str,
) -> float:
    cells = np.empty((len(items), 3, 3))
    for i, made in enumerate(order):
        for j, asked in enumerate(order):
            cell = key | {"completion_sysprompt": made, "measurement_sysprompt": asked}
            cells[:, i, j] = planted.means(cell, items)
    return effects_3x3(cells, bootstrap=Bootstrap(resamples=0))[effect].estimate


def _violins(
    cells: FloatArray,
    order: tuple[str, ...],
    key: dict[str, object],
    name: str,
    colours: dict[str, str],
) -> Plot:
    template = get_template(str(key["template"]), base=SHELL_DIRECTORY)
    values = [level.value for level in template.levels]
    room = 0.06 * (max(values) - min(values))
    rows = [f"completed under {one}" for one in order]
    columns = [f"measured under {one}" for one in order]
    rater = str(key["rater"])
    return violin_grid(
        {
            (rows[i], columns[j]): [Violin(rater, cells[:, i, j], mean_interval(cells[:, i, j]))]
            for i in range(3)
            for j in range(3)
        },
        name=f"grid_{name}",
        title=f"Item means of {rater} in the nine cells",
        caption="Each violin holds one mean an item, over its repeats; dot and line are the mean "
        "over items with its 95 % interval. All panels share one axis.",
        rows=rows,
        columns=columns,
        axis="rating",
        limits=(min(values) - room, max(values) + 2 * room),
        colours=colours,
    )


def _dots(rows: list[dict[str, object]], raters: list[str]) -> Plot:
    effects = [row for row in rows if row["effect"] != _EFFECTS["ratio"]]
    templates = list(dict.fromkeys(str(row["template"]) for row in effects))
    return dots(
        [
            Panel(
                template,
                [
                    Dot(str(row["effect"]), estimate_in(row, "estimate"), str(row["rater"]))
                    for row in effects
                    if row["template"] == template
                ],
                label="for − against",
                zero=0.0,
            )
            for template in templates
        ],
        name="effects",
        title="Effects of both prompts",
        caption="Mean over items of the rating under the prompt that is for the items less that "
        "under the one against them; 95 % intervals, bootstrap over items. "
        f"n = {estimate_in(effects[0], 'estimate').n} items.",
        colours=palette(raters),
    )


def _effect_table(rows: list[dict[str, object]]) -> Table:
    return Table(
        name="effects",
        title="Effects of completion and measurement prompts",
        columns=(
            Column("rater", "rater"),
            Column("template", "template"),
            Column("effect", "effect"),
            Column("estimate", "for − against"),
            Column("primary", "named beforehand"),
        ),
        rows=[row | {"items": estimate_in(row, "estimate").n} for row in rows],
        caption="Paired by item, over items rated in all nine cells. The ratio is given only where "
        "the interval of its denominator excludes 0.",
    )


def _mean_table(rows: list[dict[str, object]]) -> Table:
    return Table(
        name="cell_means",
        title="Mean in each cell",
        columns=(
            Column("rater", "rater"),
            Column("template", "template"),
            Column("completion", "completed under"),
            Column("measurement", "measured under"),
            Column("mean", "mean rating"),
        ),
        rows=rows,
    )


def _sentences(rows: list[dict[str, object]]) -> list[str]:
    return [
        f"{row['rater']}: {row['effect']}: {shown(row['estimate'])} "
        f"({estimate_in(row, 'estimate').n} items, 9 cells)."
        for row in rows
        if row["primary"] or row["effect"] == _EFFECTS["ratio"]
    ][:5]


STUDY = Study(
    name="sysprompt-3x3",
    question="What do system prompts at completion and at measurement do to ratings?",
    parameters=_Sysprompt3x3,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 20, "seeds": 2},
    rehearsal={
        "raters": ("sim/faithful(completion_effect=0.5)",),
        "completers": ("sim/faithful@writer",),
    },
)
