"""Probes on planted activations: how often intervals hold r, and what is reported as a find.

    python -m benchmarks.probes --runs 100           all targets, a line each
    python -m benchmarks.probes --only "r "          those whose name begins so

200 items in five origins, two layers of width 48: one is noise, the other has the signal along one
direction; each origin has a place of its own, as residual streams have. The target is correlated
.8, .3 or 0 with the signal; or is the origin alone (with and without noise of its own within
origins), or the length of the text alone. Read is the row that chose its layer by itself. Runs are
seeds 0 … R − 1; shares and means have standard errors over runs.
"""

from dataclasses import dataclass

import click
import numpy as np

from steering_server.probing.features import surface, words
from steering_server.probing.folds import Design, item_folds, origin_folds
from steering_server.probing.ridge import Array
from steering_server.probing.table import Place, Problem, Row, precision, probe_rows, shuffled

__all__ = [
    "COUNT",
    "ORIGINS",
    "TARGETS",
    "Target",
    "activations",
    "correlated",
    "planted",
    "rows_of",
]

NAMES = "abcde"
ORIGINS = [name for name in NAMES for _ in range(40)]
COUNT, WIDTH = len(ORIGINS), 48
PLACES = [Place("item", "last", layer) for layer in (0, 1)]
_COMMON = ("task", "write", "sum", "tree", "river", "proof", "list", "why", "how", "stone")


@dataclass(frozen=True)
class Target:
    """`r`: its correlation with the signal; None where it is `only` what a control shows."""

    r: float | None = None
    only: str = ""


TARGETS = {
    "r .8": Target(0.8),
    "r .3": Target(0.3),
    "r 0": Target(0.0),
    "origin alone": Target(only="origin"),
    "origin and noise": Target(only="noisy origin"),
    "length alone": Target(only="length"),
}


def texts(rng: np.random.Generator) -> list[str]:
    """Texts of many lengths whose words say nothing but their origin's."""
    return [
        " ".join([f"topic{name}", *rng.choice(_COMMON, int(rng.integers(3, 60)))])
        for name in ORIGINS
    ]


def activations(rng: np.random.Generator, signal: Array, *, scale: float = 8.0) -> list[Array]:
    """By layer, [items, width]: noise; and `signal` along one direction, above the noise."""
    place = {name: rng.standard_normal(WIDTH) for name in NAMES}
    base = np.array([place[name] for name in ORIGINS]) * 3
    direction = rng.standard_normal(WIDTH)
    direction /= np.linalg.norm(direction)
    noise = [rng.standard_normal((COUNT, WIDTH)) for _ in range(2)]
    noise[1] -= np.outer((noise[1] + base) @ direction, direction)
    return [noise[0] + base, noise[1] + base + scale * np.outer(signal, direction)]


def rows_of(
    rng: np.random.Generator,
    target: Array,
    signal: Array,
    *,
    design: Design = "items",
    said: list[str] | None = None,
) -> list[Row]:
    """The probe's table of `target`, its chosen row first."""
    said = texts(rng) if said is None else said
    layers = activations(rng, signal)
    folds = item_folds(ORIGINS, 5, rng) if design == "items" else origin_folds(ORIGINS, rng)
    assert folds is not None
    lengths = np.array([float(len(text)) for text in said])
    problem = Problem(
        targets=shuffled((target - target.mean()) / target.std(), ORIGINS, 16, rng),
        weights=precision(target, np.zeros(COUNT)),
        matrix=lambda place: layers[place.layer],
        features={"surface": surface(said, lengths), "words": words(said)},
    )
    return probe_rows(problem, PLACES, folds)


def correlated(rng: np.random.Generator, r: float) -> tuple[Array, Array]:
    """A target and a signal whose correlation is r."""
    signal = rng.standard_normal(COUNT)
    return r * signal + np.sqrt(1 - r**2) * rng.standard_normal(COUNT), signal


def planted(plan: Target, seed: int, *, design: Design = "items") -> Row:
    """The chosen row of one seed."""
    if plan.r is not None:
        rng = np.random.default_rng([seed, int(10 * plan.r)])
        return rows_of(rng, *correlated(rng, plan.r), design=design)[0]
    rng = np.random.default_rng([seed, len(plan.only)])
    said = texts(rng)
    level = dict(zip(NAMES, rng.standard_normal(len(NAMES)), strict=True))
    target = np.array([level[name] for name in ORIGINS])
    if plan.only == "noisy origin":
        target = target + 0.3 * rng.standard_normal(COUNT)
    elif plan.only == "length":
        target = np.array([len(text) for text in said]) / 100.0
    # Of the noisy origin, what is within origins is nowhere in the activations.
    signal = (target - target.mean()) / target.std()
    signal = np.zeros(COUNT) if plan.only == "noisy origin" else signal
    return rows_of(rng, target, signal, said=said, design=design)[0]


@click.command()
@click.option("--runs", default=100, show_default=True, type=click.IntRange(min=1))
@click.option("--only", default="", help="Targets whose name begins so.")
def main(runs: int, only: str) -> None:
    """A line a target."""
    click.echo(f"R = {runs}, seeds 0 to {runs - 1}; mean ± standard error over runs")
    for name, plan in TARGETS.items():
        if name.startswith(only):
            rows = [planted(plan, seed) for seed in range(runs)]
            line = f"r {_mean([row.r for row in rows])}"
            if plan.r is not None:
                line += f"  held {_mean([row.low <= plan.r <= row.high for row in rows])}"
            line += f"  beyond its controls {_mean([row.beyond for row in rows])}"
            if plan.only == "noisy origin":
                unseen = [planted(plan, seed, design="origins") for seed in range(runs)]
                line += f"  r over origins held out {_mean([row.r for row in unseen])}"
            click.echo(f"{name:18s} {line}")


def _mean(values: list[float] | list[bool]) -> str:
    found = np.array(values, dtype=float)
    return f"{found.mean():.3f} ± {found.std() / np.sqrt(len(found)):.3f}"


if __name__ == "__main__":
    main()
