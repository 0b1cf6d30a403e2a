"""What studies find of planted effects: rehearsals at the level of records.

    python -m benchmarks.studies                     1 000 runs a row, seeds 0 … 999
    python -m benchmarks.studies --only drift --runs 50
    python -m benchmarks.studies --chain 5           whole rehearsals too, through Inspect

Each run draws a record table of the study's default design and reads it by the functions that the
study's analysis reads it by. `power` rows have planted what `penchant study plan` calls findable at
the spreads planted here: the share found ought to be .7 to .9. `null` rows have none of the effect
that is tested, but all others: found ought to be .05 or less, but for two standard errors. Ratings
are levels of a five-point scale. Refusal is tested with 999 permutations (the study takes 5 000).
"""

import math
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click
import msgspec
import numpy as np
import polars as pl

from harness.records.record import SCHEMA
from harness.stats.effects.diagonal import self_vs_cross
from harness.stats.effects.effects import holm
from harness.stats.effects.factorial import cells_3x3, effects_3x3
from harness.stats.effects.power import Spread
from harness.stats.effects.refusal import refusal_preference
from harness.stats.intervals import Bootstrap, FloatArray
from harness.stats.ratings.matrix import item_means, rating_matrix
from harness.studies.catalogue import get_study
from harness.studies.folder import Frozen, freeze
from harness.studies.named.self_vs_cross import matched_cells
from harness.studies.paired import Pair
from harness.studies.parameters import read_parameters
from harness.studies.prompted import effect_rows
from harness.studies.run import run_design
from harness.studies.running import read_run
from harness.studies.steered.doses import NOTHING, held_against, responses
from harness.studies.study import Basis
from harness.studies.writing import write_study

Rng = np.random.Generator
Key = tuple[tuple[str, str], ...]

LEVELS = 5
TRUE = Spread(items=0.6 / 12**0.5, repeats=(1 / 6) ** 0.5 / (LEVELS - 1), effect=0.08)
"""Items' means are uniform on .2 … .8; a rating is rounded up or down to a level by chance, so that
its mean is the item's and its variance f(1 − f) of a level's square, 1/6 on average."""

PER_ORIGIN = 44
ORIGINS = ("alpaca", "bailbench", "math", "stress_test", "wildchat")
BOOT = Bootstrap(resamples=1000)


def ratings(
    cells: Mapping[Key, FloatArray],
    origins: Sequence[str],
    rng: Rng,
    *,
    repeats: int,
    refused: FloatArray | None = None,
) -> pl.DataFrame:
    """A record table: means (items,) of each cell, named by its columns, rated `repeats` times."""
    parts = []
    items = len(origins)
    for key, means in cells.items():
        scaled = np.clip(np.repeat(means, repeats), 0, 1) * (LEVELS - 1)
        step = np.floor(scaled)
        level = step + (rng.random(items * repeats) < scaled - step)
        known: dict[str, object] = {"kind": "rating", "template": "anchored_1_5", "rater": "sim/a"}
        known |= {"template_hash": "t", "timing": "post", "outcome": "answered", "version": 1}
        known |= {"completion_sysprompt": "none", "measurement_sysprompt": "none", "asked": True}
        known |= dict(key)
        table = pl.DataFrame(
            {
                "item": [f"i{n:04d}" for n in range(items) for _ in range(repeats)],
                "origin": np.repeat(np.asarray(origins), repeats),
                "repeat": np.tile(np.arange(repeats), items),
                "value": 1 + level,
                "normalised": level / (LEVELS - 1),
                "log": "|".join(value for _, value in key),
                "completion_refused": (
                    None if refused is None else np.repeat(refused.astype(bool), repeats)
                ),
            },
            schema_overrides={"completion_refused": pl.Boolean},
        )
        parts.append(
            table.with_columns(
                pl.lit(value, dtype=SCHEMA[name]).alias(name) for name, value in known.items()
            )
        )
    return pl.concat(parts)


def drawn_items(rng: Rng, items: int) -> FloatArray:
    """Means of items."""
    return rng.uniform(0.2, 0.8, items)


def differing(rng: Rng, items: int, mean: float) -> FloatArray:
    """An effect on each item, of that mean and the spread of `TRUE`."""
    return rng.normal(mean, TRUE.effect, items)


def nine(completion: float, measurement: float, rng: Rng) -> Mapping[str, bool]:
    """sysprompt-3x3: which effects' intervals leave out 0."""
    items, order = PER_ORIGIN, ("hates_math", "none", "loves_math")
    base = drawn_items(rng, items)
    made, asked = differing(rng, items, completion), differing(rng, items, measurement)
    cells = {
        (("completion_sysprompt", one), ("measurement_sysprompt", other)): base
        + (i - 1) * made / 2
        + (j - 1) * asked / 2
        for i, one in enumerate(order)
        for j, other in enumerate(order)
    }
    frame = ratings(cells, ["math"] * items, rng, repeats=5)
    _, means = cells_3x3(frame, negative=order[0], positive=order[2])
    found = effects_3x3(means, bootstrap=BOOT)
    return {
        name: not found[name].low <= 0 <= found[name].high
        for name in ("completion_in_neutral", "measurement")
    }


def grid(effect: float, rng: Rng) -> Mapping[str, bool]:
    """sysprompt-grid: one prompt moves one origin by `effect`; 32 other pairs are moved by none."""
    origins = [name for name in ("alpaca", "math", "wildchat") for _ in range(PER_ORIGIN)]
    items = len(origins)
    base = drawn_items(rng, items)
    cells: dict[Key, FloatArray] = {(("completion_sysprompt", "none"),): base}
    for number in range(11):
        moved = differing(rng, items, 0.0)
        if number == 0:
            moved = moved + effect * (np.asarray(origins) == "math")
        cells[(("completion_sysprompt", f"p{number}"),)] = base + moved
    rows = effect_rows(ratings(cells, origins, rng, repeats=4), by=("origin",))
    held = {(row["prompt"], row["origin"]): float(str(row["p_holm"])) < 0.05 for row in rows}
    planted = held.pop(("p0", "math"))
    return {
        "planted": planted,
        "any other": any(held.values()),
        "any": planted or any(held.values()),
    }


def matrix(effect: float, bias: float, rng: Rng) -> Mapping[str, bool]:
    """self-vs-cross, four models: `effect` on the diagonal, `bias` of all towards completer 2."""
    origins = [name for name in ORIGINS for _ in range(PER_ORIGIN)]
    items = len(origins)
    base = drawn_items(rng, items)
    names = [f"sim/{letter}" for letter in "abcd"]
    cells = {
        (("rater", rater), ("completer", completer)): base
        + rng.normal(0, TRUE.effect / np.sqrt(2), items)
        + effect * (i == j)
        + bias * (j == 2)
        + 0.05 * i
        for i, rater in enumerate(names)
        for j, completer in enumerate(names)
    }
    frame = ratings(cells, origins, rng, repeats=4)
    _, _, found = matched_cells(frame, "anchored_1_5")
    return {"diagonal": self_vs_cross(found, bootstrap=BOOT).by_item.p < 0.05}


def refusals(between: float, within: float, rng: Rng) -> Mapping[str, bool]:
    """refusal-stated: r of refusal with the rating that comes of origins' means, and within them.

    `within` is that r; `between` is how far below the others the refused origin lies.
    """
    origins = np.repeat(np.asarray(ORIGINS), PER_ORIGIN)
    items = len(origins)
    risky = origins == "bailbench"
    # Where origins are to differ, one is refused mostly and liked least; else all are alike.
    rate = np.where(risky, 0.7, 0.1) if between else np.full(items, 0.2)
    refused = rng.random(items) < rate
    noise = np.sqrt(TRUE.items**2 + TRUE.repeats**2 / 3)
    share = rate * (1 - rate)
    # r² = b²·v/(b²·v + noise²), with v the mean variance of refusal within an origin.
    slope = within / np.sqrt(1 - within**2) * noise / np.sqrt(share.mean())
    means = rng.uniform(0.2, 0.8, items) - slope * (refused - rate) - between * risky
    frame = ratings({(): means}, list(origins), rng, repeats=3, refused=refused)
    found = rating_matrix(frame)
    marks = dict(frame.group_by("item").agg(pl.col("completion_refused").any()).iter_rows())
    result = refusal_preference(
        np.array([marks[item] for item in found.items]), item_means(found.values),
        bootstrap=BOOT, origins=found.origins, permutations=999,
    )  # fmt: skip
    return {"overall": result.point_biserial.p < 0.05, "within": result.within_origin.p < 0.05}


def drifted(mean: float, bound: float, rng: Rng) -> Mapping[str, bool]:
    """drift: two runs of 100 anchors, the second moved by `mean` on average."""
    origins = [name for name in ORIGINS for _ in range(20)]
    base = drawn_items(rng, len(origins))
    moved = base + differing(rng, len(origins), mean)
    frame = ratings({(("rater", "x"),): base, (("rater", "y"),): moved}, origins, rng, repeats=4)
    before, now = (frame.filter(pl.col("rater") == name) for name in "xy")
    pair = Pair(before, now, bound=bound)
    return {"moved": pair.delta.p < 0.05, "same": pair.same.within}


def before_after(mean: float, bound: float, rng: Rng) -> Mapping[str, bool]:
    """pre-post: two raters, of which the first rates items otherwise after the task, by `mean`."""
    origins = [name for name in ORIGINS for _ in range(PER_ORIGIN)]
    pairs = {}
    for rater, shift in (("x", mean), ("y", 0.0)):
        base = drawn_items(rng, len(origins))
        moved = base + differing(rng, len(origins), shift)
        frame = ratings(
            {(("timing", "pre"),): base, (("timing", "post"),): moved}, origins, rng, repeats=4
        )
        before, after = (frame.filter(pl.col("timing") == timing) for timing in ("pre", "post"))
        pairs[rater] = Pair(before, after, bound=bound)
    held = {
        rater: p < 0.05 for rater, p in holm({r: one.delta.p for r, one in pairs.items()}).items()
    }
    return {"moved": held["x"], "any": any(held.values()), "same": pairs["y"].same.within}


DOSES = (-0.6, -0.3, 0.0, 0.3, 0.6)
RANDOM_SLOPE = 0.15
"""Standard deviation of random directions' slopes where they move anything."""


def steered(slope: float, spread: float, rng: Rng) -> Mapping[str, bool]:
    """steering-stated without persona and context: a concept's slope per unit of dose, beside eight
    random directions whose slopes have that spread; NaN for a concept that is one more of them."""
    origins = ["math"] * PER_ORIGIN
    base = drawn_items(rng, PER_ORIGIN)
    slopes = {f"random {number}": rng.normal(0, spread) for number in range(1, 9)}
    slopes["concept"] = rng.normal(0, spread) if np.isnan(slope) else slope
    parts = [_dosed(base, origins, "none", NOTHING, 0.0, rng)]
    for direction, mean in slopes.items():
        own = rng.normal(mean, TRUE.effect / max(DOSES), PER_ORIGIN)
        parts += [
            _dosed(base + dose * own, origins, direction, "measurement", dose, rng)
            for dose in DOSES
            if dose
        ]
    found = responses(pl.concat(parts))
    (concept,) = found.concept
    return {"against random": held_against(concept, found).p < 0.05}


def _dosed(
    means: FloatArray, origins: Sequence[str], direction: str, where: str, dose: float, rng: Rng
) -> pl.DataFrame:
    names = {"completed under": "none", "measured under": "none", "steered at": where}
    return ratings({(): means}, origins, rng, repeats=1).with_columns(
        *(pl.lit(value).alias(name) for name, value in names.items()),
        direction=pl.lit(direction),
        dose=pl.lit(dose),
    )


@dataclass(frozen=True)
class Case:
    """A row: the study, what is planted, which finding counts, and whether it is a null."""

    study: str
    words: str
    draw: Callable[[Rng], Mapping[str, bool]]
    finding: str
    null: bool


def findable(study: str) -> list[float]:
    """What `plan` calls findable, at the spreads planted here and the default sizes."""
    one = get_study(study)
    parameters = read_parameters(one, {}, rehearse=True)
    names = ("math",) if study in ("sysprompt-3x3", "steering-stated") else ORIGINS
    names = ("alpaca", "math", "wildchat") if study == "sysprompt-grid" else names
    counts = dict.fromkeys(names, parameters.per_origin or PER_ORIGIN)
    basis = Basis(TRUE, counts, parameters.seeds)
    return [contrast.smallest(basis) for contrast in one.design(parameters).contrasts]


def cases() -> list[Case]:
    """All rows."""
    made, asked = findable("sysprompt-3x3")
    (moved,) = findable("sysprompt-grid")
    (own,) = findable("self-vs-cross")
    overall, inside = findable("refusal-stated")
    now, bound = findable("drift")
    post, alike = findable("pre-post")
    (pushed,) = findable("steering-stated")
    rows = [
        ("sysprompt-3x3", "completion {a:.3f}", (nine, made, 0.3), "completion_in_neutral", False),
        ("sysprompt-3x3", "no completion effect", (nine, 0.0, 0.3), "completion_in_neutral", True),
        ("sysprompt-3x3", "measurement {b:.3f}", (nine, 0.2, asked), "measurement", False),
        ("sysprompt-3x3", "no measurement effect", (nine, 0.2, 0.0), "measurement", True),
        ("sysprompt-grid", "one of 33 {a:.3f}", (grid, moved), "planted", False),
        ("sysprompt-grid", "no effect, any of 33", (grid, 0.0), "any", True),
        ("self-vs-cross", "self {a:.3f}", (matrix, own, 0.1), "diagonal", False),
        ("self-vs-cross", "no self", (matrix, 0.0, 0.0), "diagonal", True),
        ("self-vs-cross", "no self, bias {b:.3f}", (matrix, 0.0, 0.15), "diagonal", True),
        ("refusal-stated", "r {b:.3f} overall", (refusals, 0.0, overall), "overall", False),
        ("refusal-stated", "r {b:.3f} within origins", (refusals, 0.15, inside), "within", False),
        ("refusal-stated", "origins alone", (refusals, 0.15, 0.0), "within", True),
        ("refusal-stated", "no relation", (refusals, 0.0, 0.0), "overall", True),
        ("drift", "drift {a:.3f}", (drifted, now, bound), "moved", False),
        ("drift", "no drift", (drifted, 0.0, bound), "moved", True),
        ("drift", "none, within {b:.3f}", (drifted, 0.0, bound), "same", False),
        ("steering-stated", "dose {a:.3f}", (steered, 1.1 * pushed, 0.0), "against random", False),
        ("steering-stated", "one more random direction", (steered, math.nan, RANDOM_SLOPE),
         "against random", True),
        ("drift", "at the bound {b:.3f}", (drifted, bound, bound), "same", True),
        ("pre-post", "one of two {a:.3f}", (before_after, post, alike), "moved", False),
        ("pre-post", "no difference, any of 2", (before_after, 0.0, alike), "any", True),
        ("pre-post", "none, within {b:.3f}", (before_after, 0.0, alike), "same", False),
    ]  # fmt: skip
    return [
        Case(
            study,
            words.format(a=call[1], b=call[2] if len(call) > 2 else 0.0),
            _with(call[0], call[1:]),
            finding,
            null,
        )
        for study, words, call, finding, null in rows
    ]


def _with(
    draw: Callable[..., Mapping[str, bool]], given: Sequence[float]
) -> Callable[[Rng], Mapping[str, bool]]:
    return lambda rng: draw(*given, rng)


def chain(name: str, seed: int, folder: Path) -> tuple[int, int]:
    """One whole rehearsal over other items; planted values in their intervals, and all."""
    study = get_study(name)
    parameters = read_parameters(study, {"sample_seed": seed}, small=True, rehearse=True)
    freeze(Frozen(study=name, parameters=msgspec.to_builtins(parameters), rehearsal=True), folder)
    design = study.design(parameters)
    with study.ready(parameters, folder):
        if design.cells:
            run_design(design, folder / "logs", study=name)
    written = write_study(
        study, parameters, read_run(folder, design), folder / "report",
        rehearsal=True, day=date(2026, 1, 2), bootstrap=BOOT, places=(folder,),
    )  # fmt: skip
    return written.inside, written.planted


@click.command()
@click.option("--runs", default=1000, show_default=True, help="Seeds 0 … runs − 1.")
@click.option("--only", default="", help="Rows whose study or words hold this.")
@click.option("--chain", "chains", default=0, help="Whole rehearsals a study, seeds 0 … this − 1.")
def main(runs: int, only: str, chains: int) -> None:
    """Print a line a row, with standard errors over runs, and whether it is within its bounds."""
    click.echo(
        f"{runs} runs a row; spreads of items {TRUE.items:.3f}, repeats {TRUE.repeats:.3f}, "
        f"effects {TRUE.effect:.3f}"
    )
    chosen = [case for case in cases() if only in case.study or only in case.words]
    for case in chosen:
        began = time.monotonic()
        found = [case.draw(np.random.default_rng(seed))[case.finding] for seed in range(runs)]
        rate = float(np.mean(found))
        error = float(np.sqrt(rate * (1 - rate) / runs))
        good = rate <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs) if case.null else 0.7 <= rate <= 0.9
        click.echo(
            f"{case.study:15s} {'null' if case.null else 'power':5s} {case.words:26s} found "
            f"{rate:.3f} ± {error:.3f}  {'within' if good else 'OUT OF'} bounds  "
            f"{time.monotonic() - began:.0f} s"
        )
    for name in dict.fromkeys(case.study for case in chosen):
        inside = planted = 0
        for seed in range(chains):
            with tempfile.TemporaryDirectory() as scratch:
                one, of = chain(name, seed, Path(scratch) / name)
            inside, planted = inside + one, planted + of
        if chains:
            click.echo(f"{name}: {chains} whole rehearsals, planted inside {inside} of {planted}")


if __name__ == "__main__":
    main()
