"""Utilities over a universe of wordings: coverage, variance shares, and the gain over one wording.

    python -m benchmarks.wordings --runs 200        all conditions, tables of figures
    python -m benchmarks.wordings --only "sd 0.8"   those whose name begins so
    python -m benchmarks.wordings --time            seconds at 500 items, 8 wordings, 40 000 answers
    python -m benchmarks.wordings --quick           all of it, 2 runs: that it runs, no figures

120 items with utilities N(0, 1.5²), an item × wording sd of .5, .8, 1.5 or none, 4 wordings with
position effects of their own, and 40 or 80 comparisons an item in random regular graphs. Runs are
seeds 0 … R − 1; every share has its standard error over runs. `one` is one wording with all the
comparisons, `pooled` four of them as if they were one: both fitted by `thurstone.fit`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import click
import numpy as np
import polars as pl
from scipy.special import ndtr

from harness.pairs.graphs import present, regular_pairs
from harness.records.record import SCHEMA
from harness.stats.facets.answers import FacetAnswers, facet_answers
from harness.stats.facets.design import UtilityDesign, half_width
from harness.stats.facets.joint import joint_fit
from harness.stats.facets.shares import choice_shares
from harness.stats.thurstone.comparisons import FloatArray, aggregate
from harness.stats.thurstone.fit import fit

__all__ = ["CONDITIONS", "Planted", "choice_records", "planted", "promised", "simulated"]

SPREAD = 1.5
EFFECT, EFFECT_SD = -0.3, 0.2


@dataclass(frozen=True, kw_only=True)
class Planted:
    """`each` comparisons an item, over all `wordings`; `sd` of item × wording, `pair_sd` of what
    the answers to a pair share."""

    items: int = 120
    wordings: int = 4
    sd: float = 0.8
    each: int = 40
    pair_sd: float = 0.0


CONDITIONS = {
    f"sd {sd:g}, {each} an item": Planted(sd=sd, each=each)
    for sd in (0.5, 0.8, 1.5, 0.0)
    for each in (40, 80)
}


def simulated(plan: Planted, seed: int) -> tuple[FloatArray, FacetAnswers]:
    """True utilities over the universe (n,), and answers under each wording."""
    rng = np.random.default_rng(seed)
    n, w = plan.items, plan.wordings
    mu = rng.normal(0, SPREAD, n)
    own = rng.normal(0, plan.sd, (n, w)) if plan.sd else np.zeros((n, w))
    effect = EFFECT + rng.normal(0, EFFECT_SD, w)
    shown = [
        (*orders[0], k)
        for k in range(w)
        for orders in present(regular_pairs(n, plan.each // w, rng), "balanced", rng)
    ]
    first, second, at = np.array(shown).T
    pair = plan.pair_sd * rng.normal(size=(n, n))
    sign = np.where(first < second, 1, -1)
    gap = mu[first] + own[first, at] - mu[second] - own[second, at] + effect[at]
    gap = gap + sign * pair[np.minimum(first, second), np.maximum(first, second)]
    wins = (rng.random(len(gap)) < ndtr(gap / np.sqrt(2))).astype(float)
    answers = facet_answers(
        [str(k) for k in range(n)],
        first,
        second,
        wins,
        1 - wins,
        levels=[[f"wording {k}" for k in at]],
        facets=["wording"],
    )
    return mu, answers


def choice_records(answers: FacetAnswers) -> pl.DataFrame:
    """The answers as choice records of one rater and template, with their wordings."""
    data = answers.data
    rows = [
        {
            "kind": "choice",
            "template": "t",
            "template_hash": "0123456789",
            "rater": "r",
            "outcome": "answered",
            "item_first": data.items[f],
            "item_second": data.items[s],
            "wording": answers.levels[0][w],
            "choice": "first" if won else "second",
        }
        for f, s, won, w in zip(
            data.first, data.second, data.wins, answers.level[:, 0], strict=True
        )
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


@dataclass(frozen=True)
class Outcome:
    """Of one run; what is not asked of a condition is nan. `width` is the mean half width of
    intervals over what the design study promises for the planted variances."""

    joint: float
    pooled: float
    one: float
    rho: float
    rho_one: float
    share: float
    held: float
    held_item: float
    found: float
    width: float


def planted(plan: Planted, seed: int) -> Outcome:
    """Fits of one seed."""
    mu, answers = simulated(plan, seed)
    fitted = joint_fit(answers)
    data = answers.data
    flat = aggregate(data.items, data.first, data.second, data.wins, data.losses)
    pooled = fit(flat)
    single, alone = simulated(
        Planted(items=plan.items, wordings=1, sd=plan.sd, each=plan.each), seed
    )
    lone = fit(alone.data)
    shares = {share.source: share for share in choice_shares(fitted)}
    wording, item = shares["item × wording"], shares["item"]
    whole = 2 * (SPREAD**2 + plan.sd**2) + EFFECT**2 + EFFECT_SD**2 + 2 + plan.pair_sd**2
    true = 2 * plan.sd**2 / whole
    return Outcome(
        _covered(fitted.utilities, fitted.se, mu),
        _covered(pooled.utilities, np.sqrt(pooled.posterior.variances(_rng(seed))), mu),
        _covered(lone.utilities, np.sqrt(lone.posterior.variances(_rng(seed))), single),
        float(np.corrcoef(fitted.utilities, mu)[0, 1]),
        float(np.corrcoef(lone.utilities, single)[0, 1]),
        wording.share / true if true else np.nan,
        float(wording.low <= true <= wording.high),
        float(item.low <= 2 * SPREAD**2 / whole <= item.high),
        float(bool(wording.found)),
        1.959964 * float(fitted.se.mean()) / promised(plan, seed),
    )


def promised(plan: Planted, seed: int) -> float:
    """Mean half width that the design study says."""
    return half_width(
        UtilityDesign(items=plan.items, levels=plan.wordings, each=plan.each),
        item=SPREAD**2,
        facet=plan.sd**2,
        pair=plan.pair_sd**2,
        effect=EFFECT,
        seed=seed,
    )


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _covered(utilities: FloatArray, se: FloatArray, truth: FloatArray) -> float:
    return float((np.abs(utilities - truth + truth.mean()) < 1.96 * se).mean())


@click.command()
@click.option("--runs", default=100, show_default=True, type=click.IntRange(min=1))
@click.option("--only", default="", help="Conditions whose name begins so.")
@click.option("--time", "timed", is_flag=True, help="Only the time at full size.")
@click.option("--quick", is_flag=True, help="Two runs each.")
def main(runs: int, only: str, timed: bool, quick: bool) -> None:
    """A line a condition."""
    runs = 2 if quick else runs
    if timed:
        click.echo(_speed(lambda: simulated(Planted(items=500, wordings=8, each=160), 0)[1]))
        return
    click.echo(f"R = {runs}, seeds 0 to {runs - 1}; mean ± standard error over runs")
    for name, plan in CONDITIONS.items():
        if name.startswith(only):
            done = [planted(plan, seed) for seed in range(runs)]
            click.echo(f"{name:20s} " + _line(done))


def _line(done: list[Outcome]) -> str:
    def mean(field: str) -> str:
        values = np.array([getattr(run, field) for run in done])
        return f"{values.mean():.3f} ± {values.std() / np.sqrt(len(values)):.3f}"

    ratio = np.median([run.share for run in done])
    return (
        f"covered: joint {mean('joint')}  pooled {mean('pooled')}  one {mean('one')}  "
        f"r with the universe: joint {mean('rho')}  one {mean('rho_one')}  "
        f"share of item × wording: median {ratio:.2f} of planted, held {mean('held')}, "
        f"found {mean('found')}; item's held {mean('held_item')}; "
        f"width over the promised {mean('width')}"
    )


def _speed(make: Callable[[], FacetAnswers]) -> str:
    answers = make()
    begin, worked = time.perf_counter(), time.process_time()
    fitted = joint_fit(answers)
    took, worked = time.perf_counter() - begin, time.process_time() - worked
    return (
        f"{answers.data.n} items, {len(answers.levels[0])} wordings, {answers.data.total:g} "
        f"comparisons: {took:.1f} s, {worked:.1f} s of processor time, item × wording sd "
        f"{np.sqrt(fitted.variances[1]):.2f}"
    )


if __name__ == "__main__":
    main()
