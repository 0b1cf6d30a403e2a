"""Coverage of 95 % intervals of utilities and of the position effect, by condition.

    python -m benchmarks.coverage --runs 500         all conditions (a quarter of an hour)
    python -m benchmarks.coverage --only "beta -2"   those whose name begins so
    python -m benchmarks.coverage --quick            all of them, 4 runs: that they run, no figures

Planted respondents with σ = 1 and utilities N(0, 1.5²) on random regular graphs with balanced
orders; runs are seeds 0…R − 1. With misfit or repeats the truth is in units of a single answer's
whole response noise, as the fit's utilities are. The extreme tenth are the items farthest from 0;
one-sided items won or lost all their comparisons.
"""

from dataclasses import dataclass, replace

import click
import numpy as np
from scipy.special import ndtr

from harness.pairs.graphs import present, regular_pairs
from harness.stats.thurstone.comparisons import Comparisons, FloatArray, IntArray, aggregate
from harness.stats.thurstone.fit import Options, fit
from harness.stats.thurstone.graph import one_sided
from harness.stats.thurstone.ranking import expected_rho, spearman

__all__ = ["CONDITIONS", "Condition", "Run", "one_run", "simulate"]

SPREAD = 1.5


@dataclass(frozen=True, kw_only=True)
class Condition:
    """`degree` pairs an item, each asked in one order or in `both`, `repeats` times; `alike`: the
    repeats copy the first answer. `misfit` is the sd of a pair's own preference, `spread` that of
    the utilities. `groups`: so many groups of items, their means spread from −`means` to `means`,
    a share `between` of the pairs goes from one to another, and items carry their group's name
    where it is `known`. `near`: items meet those next in true rank alone. The last `outliers` items
    lie at `outlier_at`."""

    items: int = 100
    degree: int = 10
    effect: float = -0.3
    repeats: int = 1
    alike: bool = False
    both: bool = False
    misfit: float = 0.0
    spread: float = SPREAD
    groups: int = 0
    means: float = 2.0
    between: float = 0.05
    known: bool = False
    near: bool = False
    outliers: int = 0
    outlier_at: float = 4.0


CONDITIONS: dict[str, Condition] = {
    **{
        f"beta {effect:g}, {degree} an item": Condition(effect=effect, degree=degree)
        for effect in (0.0, -0.3, -1.0, -2.0, -3.0)
        for degree in (5, 10, 28)
    },
    "2 an item": Condition(degree=2),
    "identical x 5, 4 an item": Condition(degree=4, repeats=5, alike=True),
    "identical x 5, both orders": Condition(degree=4, repeats=5, alike=True, both=True),
    **{
        f"misfit {misfit:g}, x {repeats}": Condition(misfit=misfit, repeats=repeats)
        for misfit in (0.0, 0.5, 1.0)
        for repeats in (5, 10)
    },
    "misfit 1, both orders": Condition(degree=5, both=True, misfit=1.0),
    **{f"{items} items": Condition(items=items) for items in (8, 12, 900)},
    **{
        f"{groups} groups, {between:.0%} between{', named' if known else ''}": Condition(
            groups=groups, between=between, known=known, spread=1.0
        )
        for groups in (2, 5)
        for between in (0.02, 0.05)
        for known in (False, True)
    },
    "5 equal groups, 5% between, named": Condition(groups=5, means=0.0, known=True),
    "near neighbours only": Condition(near=True),
    "outliers 10 at +4": Condition(outliers=10, spread=0.5),
    "outliers 10 at +4, 28 an item": Condition(outliers=10, spread=0.5, degree=28),
    "outliers 3 at +6": Condition(outliers=3, outlier_at=6.0),
}


@dataclass(frozen=True)
class Run:
    """Shares of items covered, all and the extreme tenth; how many items were one-sided, and how
    many of these covered; whether β was; τ̂; rank correlation with the truth and the one
    expected."""

    items: float
    extreme: float
    one_sided: int
    of_these: int
    effect: float
    tau: float
    rho: float
    expected: float


def simulate(
    condition: Condition, rng: np.random.Generator
) -> tuple[FloatArray, float, Comparisons]:
    """Utilities with mean 0 and β, both in the units of the fit, and the answers."""
    n = condition.items
    member = np.arange(n) % max(condition.groups, 1)
    mu = _utilities(condition, member, rng)
    first, second = _graph(condition, mu, member, rng).T
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
    data = aggregate([str(k) for k in range(n)], *arrays)
    if condition.known:
        data = replace(data, parts=tuple(f"group {k}" for k in member))
    return mu * scale, condition.effect * scale, data


def _utilities(condition: Condition, member: IntArray, rng: np.random.Generator) -> FloatArray:
    """(n,) with mean 0."""
    mu = rng.normal(0, condition.spread, condition.items)
    if condition.groups:
        means = np.linspace(-condition.means, condition.means, condition.groups)
        mu += rng.permutation(means)[member]
    if condition.outliers:
        mu[-condition.outliers :] = condition.outlier_at
    return np.asarray(mu - mu.mean())


def _graph(
    condition: Condition, mu: FloatArray, member: IntArray, rng: np.random.Generator
) -> IntArray:
    """(pairs, 2) in the order shown."""
    n, degree = condition.items, condition.degree
    if condition.near:
        order = np.argsort(mu)
        near = [(i, j) for i in range(n) for j in range(i + 1, min(i + 1 + degree // 2, n))]
        return np.asarray(rng.permuted(order[np.array(near)], axis=1))
    if not condition.groups:
        return _pairs(n, degree, rng)
    inside = [
        np.flatnonzero(member == g)[_pairs(int((member == g).sum()), degree, rng)]
        for g in range(condition.groups)
    ]
    pairs = np.concatenate(inside)
    across = rng.random((n, n)).argsort(axis=None)
    across = across[member[across // n] != member[across % n]]
    bridges = round(condition.between * len(pairs))
    at = rng.choice(len(pairs), bridges, replace=False)
    pairs[at] = np.stack([across // n, across % n], axis=1)[:bridges]
    return np.asarray(pairs)


def _pairs(n: int, degree: int, rng: np.random.Generator) -> IntArray:
    """(n·degree/2, 2) a random regular graph; with fewer items every pair in turn."""
    if degree < n:
        shown = present(regular_pairs(n, degree, rng), "balanced", rng)
        return np.array([orders[0] for orders in shown])
    pairs = np.stack(np.triu_indices(n, 1), axis=1)
    count = n * degree // 2
    taken = np.concatenate([rng.permutation(len(pairs)) for _ in range(count // len(pairs) + 1)])
    return rng.permuted(pairs[taken[:count]], axis=1)


def one_run(condition: Condition, seed: int, options: Options) -> Run:
    """One seed of one condition."""
    rng = np.random.default_rng(seed)
    truth, effect, data = simulate(condition, rng)
    fitted = fit(data, options)
    inside = np.abs(fitted.utilities - truth) < 1.96 * np.sqrt(fitted.posterior.variances(rng))
    extreme = np.argsort(-np.abs(truth))[: max(1, len(truth) // 10)]
    lone = one_sided(data)
    far = abs(fitted.effects[0] - effect) / fitted.posterior.effect_se()[0]
    return Run(
        float(inside.mean()),
        float(inside[extreme].mean()),
        int(lone.sum()),
        int(inside[lone].sum()),
        float(far < 1.96),
        fitted.tau or np.nan,
        spearman(fitted.utilities, truth),
        expected_rho(fitted.utilities, fitted.posterior.draws(64, rng)),
    )


@click.command()
@click.option("--runs", default=100, show_default=True, type=click.IntRange(min=1))
@click.option("--only", default="", help="Conditions whose name begins so.")
@click.option("--one-normal", is_flag=True, help="One normal prior for all items.")
@click.option("--quick", is_flag=True, help="Four runs each.")
def main(runs: int, only: str, one_normal: bool, quick: bool) -> None:
    """A line a condition: coverage with its standard error over R runs."""
    runs = 4 if quick else runs
    options = Options(prior_groups="none") if one_normal else Options()
    click.echo(f"R = {runs}, seeds 0 to {runs - 1}; coverage ± standard error; true / expected rho")
    for name, condition in CONDITIONS.items():
        if not name.startswith(only):
            continue
        done = [one_run(condition, seed, options) for seed in range(runs)]
        items, extreme, effect = (
            _share([getattr(run, field) for run in done])
            for field in ("items", "extreme", "effect")
        )
        tau, rho, expected = (
            np.mean([getattr(run, field) for run in done]) for field in ("tau", "rho", "expected")
        )
        lone, of_these = (
            sum(getattr(run, field) for run in done) for field in ("one_sided", "of_these")
        )
        alone = f"{of_these / lone:.2f} of {lone / runs:.1f}" if lone else "none"
        click.echo(
            f"{name:28s} items {items}  extreme tenth {extreme}  one-sided {alone}  beta {effect}  "
            f"tau {tau:.2f}  rho {rho:.3f} / {expected:.3f}"
        )


def _share(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values) / np.sqrt(len(values)):.3f}"


if __name__ == "__main__":
    main()
