"""Coverage of 95 % intervals of utilities and of the position effect, by condition.

    python -m benchmarks.coverage --runs 500         all conditions (a quarter of an hour)
    python -m benchmarks.coverage --only "beta -2"   those whose name begins so
    python -m benchmarks.coverage --quick            all of them, 4 runs: that they run, no figures

Planted respondents with σ = 1 and utilities N(0, 1.5²) on random regular graphs with balanced
orders; runs are seeds 0…R − 1. With misfit or repeats the truth is in units of a single answer's
whole response noise, as the fit's utilities are. The extreme tenth are the items farthest from 0.
"""

from dataclasses import dataclass

import click
import numpy as np
from scipy.special import ndtr

from harness.pairs.graphs import present, regular_pairs
from harness.stats.thurstone.comparisons import Comparisons, FloatArray, IntArray, aggregate
from harness.stats.thurstone.fit import fit
from harness.stats.thurstone.ranking import expected_rho, spearman

__all__ = ["CONDITIONS", "Condition", "Run", "one_run", "simulate"]

SPREAD = 1.5


@dataclass(frozen=True, kw_only=True)
class Condition:
    """`degree` pairs an item, each asked in one order or in `both`, `repeats` times; `alike`: the
    repeats copy the first answer. `misfit` is the sd of a pair's own preference."""

    items: int = 100
    degree: int = 10
    effect: float = -0.3
    repeats: int = 1
    alike: bool = False
    both: bool = False
    misfit: float = 0.0


CONDITIONS: dict[str, Condition] = {
    **{
        f"beta {effect:g}, {degree} an item": Condition(effect=effect, degree=degree)
        for effect in (0.0, -0.3, -1.0, -2.0, -3.0)
        for degree in (5, 10, 28)
    },
    "identical x 5, 4 an item": Condition(degree=4, repeats=5, alike=True),
    "identical x 5, both orders": Condition(degree=4, repeats=5, alike=True, both=True),
    **{
        f"misfit {misfit:g}, x {repeats}": Condition(misfit=misfit, repeats=repeats)
        for misfit in (0.0, 0.5, 1.0)
        for repeats in (5, 10)
    },
    "misfit 1, both orders": Condition(degree=5, both=True, misfit=1.0),
    **{f"{items} items": Condition(items=items) for items in (8, 12, 900)},
}


@dataclass(frozen=True)
class Run:
    """Shares of items covered, all and the extreme tenth; whether β was; τ̂; rank correlation with
    the truth and the one expected."""

    items: float
    extreme: float
    effect: float
    tau: float
    rho: float
    expected: float


def simulate(
    condition: Condition, rng: np.random.Generator
) -> tuple[FloatArray, float, Comparisons]:
    """Utilities with mean 0 and β, both in the units of the fit, and the answers."""
    n = condition.items
    mu = rng.normal(0, SPREAD, n)
    mu -= mu.mean()
    first, second = _pairs(n, condition.degree, rng).T
    own = condition.misfit * rng.normal(size=(n, n))
    low, high = np.minimum(first, second), np.maximum(first, second)
    content = mu[first] - mu[second] + np.where(first < second, 1, -1) * own[low, high]
    columns: list[list[FloatArray | IntArray]] = []
    for sign in (1, -1) if condition.both else (1,):
        p = ndtr((sign * content + condition.effect) / np.sqrt(2))
        once = (rng.random(len(p)) < p).astype(float) * condition.repeats
        wins = once if condition.alike else rng.binomial(condition.repeats, p).astype(float)
        pair = [first, second] if sign > 0 else [second, first]
        columns.append([*pair, wins, condition.repeats - wins])
    arrays = [np.concatenate(parts) for parts in zip(*columns, strict=True)]
    scale = 1 / np.sqrt(1 + condition.misfit**2 / 2)
    return mu * scale, condition.effect * scale, aggregate([str(k) for k in range(n)], *arrays)


def _pairs(n: int, degree: int, rng: np.random.Generator) -> IntArray:
    """(n·degree/2, 2) a random regular graph; with fewer items every pair in turn."""
    if degree < n:
        shown = present(regular_pairs(n, degree, rng), "balanced", rng)
        return np.array([orders[0] for orders in shown])
    pairs = np.stack(np.triu_indices(n, 1), axis=1)
    count = n * degree // 2
    taken = np.concatenate([rng.permutation(len(pairs)) for _ in range(count // len(pairs) + 1)])
    return rng.permuted(pairs[taken[:count]], axis=1)


def one_run(condition: Condition, seed: int) -> Run:
    """One seed of one condition."""
    rng = np.random.default_rng(seed)
    truth, effect, data = simulate(condition, rng)
    fitted = fit(data)
    inside = np.abs(fitted.utilities - truth) < 1.96 * np.sqrt(fitted.posterior.variances(rng))
    extreme = np.argsort(-np.abs(truth))[: max(1, len(truth) // 10)]
    far = abs(fitted.effects[0] - effect) / fitted.posterior.effect_se()[0]
    return Run(
        float(inside.mean()),
        float(inside[extreme].mean()),
        float(far < 1.96),
        fitted.tau or np.nan,
        spearman(fitted.utilities, truth),
        expected_rho(fitted.utilities, fitted.posterior.draws(64, rng)),
    )


@click.command()
@click.option("--runs", default=100, show_default=True, type=click.IntRange(min=1))
@click.option("--only", default="", help="Conditions whose name begins so.")
@click.option("--quick", is_flag=True, help="Four runs each.")
def main(runs: int, only: str, quick: bool) -> None:
    """A line a condition: coverage with its standard error over R runs."""
    runs = 4 if quick else runs
    click.echo(f"R = {runs}, seeds 0 to {runs - 1}; coverage ± standard error; true / expected rho")
    for name, condition in CONDITIONS.items():
        if not name.startswith(only):
            continue
        done = [one_run(condition, seed) for seed in range(runs)]
        items, extreme, effect = (
            _share([getattr(run, field) for run in done])
            for field in ("items", "extreme", "effect")
        )
        tau, rho, expected = (
            np.mean([getattr(run, field) for run in done]) for field in ("tau", "rho", "expected")
        )
        click.echo(
            f"{name:28s} items {items}  extreme tenth {extreme}  beta {effect}  "
            f"tau {tau:.2f}  rho {rho:.3f} / {expected:.3f}"
        )


def _share(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values) / np.sqrt(len(values)):.3f}"


if __name__ == "__main__":
    main()
