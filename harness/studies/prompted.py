"""System prompts at completion against none, paired by item: what three studies share."""

from collections.abc import Mapping, Sequence
from functools import partial

import polars as pl

from harness.errors import UsageError
from harness.prompts.conditions import condition
from harness.report.parts.heatmap import Grid, heatmaps
from harness.report.parts.style import Plot
from harness.report.parts.table import Column, Table
from harness.stats.effects.effects import condition_effects
from harness.stats.effects.power import smallest_effect
from harness.stats.intervals import Estimate, estimate_of
from harness.studies.planted import Planted
from harness.studies.study import (
    Basis,
    Contrast,
    Parameters,
    Quantity,
    StudyDesign,
    crossed,
    estimate_in,
)
from harness.where import SHELL_DIRECTORY

__all__ = ["FACTOR", "delta_grid", "effect_rows", "effect_table", "planted_deltas", "prompt_design"]

FACTOR = "completion_sysprompt"
"""The column of a prompt in force while items are completed."""


def prompt_design(
    given: Parameters,
    prompts: Sequence[str],
    primary: Sequence[str],
    *,
    by_origin: bool = False,
    contrasts: Sequence[Contrast] = (),
    **options: str,
) -> StudyDesign:
    """Items completed under each prompt and under none, measured without one; `options` are those
    of every cell.

    `by_origin` says that each origin is tested apart, over which Holm's correction then goes too.
    `contrasts` are those named beforehand, where they are not each prompt against none.
    """
    if not prompts:
        raise UsageError("no system prompt given; expected at least one (--prompt NAME)")
    for name in prompts:
        condition(name, base=SHELL_DIRECTORY)
    return StudyDesign(
        crossed(
            given,
            [
                ({"completed under": prompt}, {"completion_sysprompt": prompt} | options)
                for prompt in ("none", *(name for name in prompts if name != "none"))
            ],
        ),
        tuple(primary),
        tuple(contrasts)
        or (
            Contrast(
                "one prompt, in one origin" if by_origin else "one prompt",
                partial(_smallest, prompts=len(set(prompts) - {"none"}), by_origin=by_origin),
            ),
        ),
    )


def _smallest(basis: Basis, *, prompts: int, by_origin: bool) -> float:
    sizes = list(basis.origins.values()) if by_origin else [basis.items]
    return smallest_effect(
        basis.spread, items=min(sizes), repeats=basis.repeats, tests=prompts * len(sizes)
    )


def effect_rows(frame: pl.DataFrame, *, by: Sequence[str] = ()) -> list[dict[str, object]]:
    """One row a rater, template, prompt and value of `by`: Δ from none, P(higher), P(same),
    P(lower), p and p after Holm's correction within rater and template. UsageError where nothing
    was completed under a prompt, or nothing under none."""
    rows: list[dict[str, object]] = []
    ratings = frame.filter(pl.col("kind") == "rating")
    under = set(ratings[FACTOR].unique())
    if "none" not in under or len(under) < 2:
        raise UsageError(
            "no ratings of completions under a system prompt beside those under none; found "
            f"{', '.join(sorted(map(str, under))) or 'no ratings'} (-T completion_sysprompt=…)"
        )
    for (rater, template), part in sorted(
        ratings.partition_by("rater", "template", as_dict=True).items()
    ):
        long = condition_effects(part, factor=FACTOR, neutral="none", by=by)
        for key, of in long.partition_by([*by, "condition"], as_dict=True).items():
            named = dict(zip([*by, "prompt"], key, strict=True))
            one = {str(row["quantity"]): row for row in of.iter_rows(named=True)}
            delta = one["delta"]
            rows.append(
                {"rater": rater, "template": template}
                | named
                | {name: estimate_of(one[name]) for name in ("delta", "higher", "same", "lower")}
                | {"p": delta["p"], "p_holm": delta["p_holm"]}
            )
    return rows


def effect_table(rows: list[dict[str, object]], *, by: Sequence[str] = ()) -> Table:
    """The rows, with p after correction."""
    return Table(
        name="deltas",
        title="Difference from no prompt",
        columns=(
            Column("rater", "rater"),
            Column("template", "template"),
            *(Column(name, name) for name in by),
            Column("prompt", "completed under"),
            Column("delta", "Δ"),
            Column("higher", "P(higher)", "share"),
            Column("same", "P(same)", "share"),
            Column("lower", "P(lower)", "share"),
            Column("p", "p", "p"),
            Column("p_holm", "p after Holm", "p"),
        ),
        rows=rows,
        caption="Paired by item, repeats matched; p by sign flips over items, corrected after Holm "
        "over all rows of a rater and template.",
    )


def delta_grid(rows: list[dict[str, object]], *, across: str) -> Plot:
    """Prompt × `across`, a grid a rater and template; a star where p after correction is < .05."""
    grids = []
    for rater, template in dict.fromkeys((row["rater"], row["template"]) for row in rows):
        here = [row for row in rows if (row["rater"], row["template"]) == (rater, template)]
        place = {(str(row["prompt"]), str(row[across])): row for row in here}
        values: dict[tuple[str, str], Estimate] = {}
        for key, row in place.items():
            values[key] = estimate_in(row, "delta")
        grids.append(
            Grid(
                f"{rater}, {template}",
                list(dict.fromkeys(str(row["prompt"]) for row in here)),
                list(dict.fromkeys(str(row[across]) for row in here)),
                values,
                centred=True,
                marks={key: "*" for key, row in place.items() if float(str(row["p_holm"])) < 0.05},
            )
        )
    return heatmaps(
        grids,
        name="delta_grid",
        title=f"Difference from no prompt, by {across}",
        caption="Mean over items of the rating of what was completed under the prompt less that of "
        "what was completed under none; * p < .05 after Holm's correction; n counts items.",
        rows="completed under",
        columns=across,
    )


def planted_deltas(
    frame: pl.DataFrame, rows: Sequence[Mapping[str, object]], *, by: Sequence[str] = ()
) -> list[Quantity]:
    """Δ of each row beside what is planted."""
    found = []
    for row in rows:
        part = frame.filter(
            (pl.col("kind") == "rating"),
            *(pl.col(name) == row[name] for name in ("rater", "template", *by)),
        )
        found.append(
            Quantity(
                "Δ " + ", ".join(str(row[name]) for name in (*by, "prompt", "rater")),
                estimate_in(row, "delta"),
                partial(
                    _planted,
                    key=part.row(0, named=True),
                    items=tuple(sorted(part["item"].unique())),
                    prompt=str(row["prompt"]),
                ),
            )
        )
    return found


def _planted(
    planted: Planted, *, key: dict[str, object], items: tuple[str, ...], prompt: str
) -> float:
    under = planted.means(key | {FACTOR: prompt}, items)
    return float((under - planted.means(key | {FACTOR: "none"}, items)).mean())
