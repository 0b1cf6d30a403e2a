"""Comparisons to a target rank correlation, by selection rule, and the honesty of the stop.

    python -m benchmarks.policies                     efficiency, 8 runs a rule (about 5 minutes)
    python -m benchmarks.policies --runs 2            a quick look
    python -m benchmarks.policies stop --runs 20      expected against true at the stop
    python -m benchmarks.policies select              seconds to choose a batch, at 5 000 items

Respondents are planted: utilities N(0, 1.5²) with β = −.6 for the efficiency, and the simulated
respondents' parameters for the stop.
"""

import time
from collections.abc import Iterator
from itertools import pairwise
from statistics import median

import click
import numpy as np

from benchmarks.campaign import Step, campaign
from benchmarks.planted import Planted
from harness.adaptive.selection import State
from harness.adaptive.selection_peers import RULES

LIMIT = 12_000
ORIGIN_MEANS = (-0.6, -0.2, 0.4, 0.2, -1.2)


def crossing(steps: Iterator[Step], target: float) -> float:
    """Comparisons at which the true correlation first reaches `target`, interpolated."""
    seen = [next(steps)]
    while seen[-1].rho < target and seen[-1].comparisons < LIMIT:
        seen.append(next(steps))
    if len(seen) == 1:
        return float(seen[0].comparisons)
    before, after = list(pairwise(seen))[-1]
    share = (target - before.rho) / (after.rho - before.rho)
    return before.comparisons + share * (after.comparisons - before.comparisons)


@click.group(invoke_without_command=True)
@click.option("--runs", default=8, show_default=True)
@click.option("--items", "n", default=500, show_default=True)
@click.option("--target", default=0.95, show_default=True)
@click.option("--reserve", default=0.0, show_default=True)
@click.pass_context
def main(context: click.Context, runs: int, n: int, target: float, reserve: float) -> None:
    """Efficiency table."""
    if context.invoked_subcommand:
        return
    medians: dict[str, float] = {}
    for name, soft, misfit in _conditions():
        counts = []
        for seed in range(runs):
            rng = np.random.default_rng(seed)
            planted = Planted(rng.normal(0, 1.5, n), -0.6, misfit, seed=seed)
            rule = RULES["rank-optimal" if ":" in name else name]
            degree, batch = (4, 50) if soft else (5, 250)
            steps = campaign(
                planted, rule, rng=rng, soft=soft, degree=degree, batch=batch, reserve=reserve
            )
            counts.append(crossing(steps, target))
        medians[name] = median(counts)
        click.echo(f"{name:28s} {medians[name]:8.0f}   ({min(counts):.0f}–{max(counts):.0f})")
    ours = medians["rank-optimal"]
    for peer in ("random-regular", "lowest-gap-and-degree", "swiss"):
        click.echo(f"rank-optimal / {peer}: {ours / medians[peer]:.3f}")
    soft_ratio = medians["log-probabilities: misfit .5"] / medians["sampled: misfit .5"]
    click.echo(f"log-probabilities / sampled (rank-optimal, misfit .5): {soft_ratio:.3f}")


def _conditions() -> list[tuple[str, bool, float]]:
    sampled = [(name, False, 0.0) for name in RULES]
    return [
        *sampled,
        ("sampled: misfit .5", False, 0.5),
        ("log-probabilities: misfit .5", True, 0.5),
    ]


RESPONDENTS = {
    "faithful": {"effect": -0.3},
    "noisy": {"effect": -0.3, "noise": 2.0},
    "position-biased": {"effect": -0.8},
    "lapsing .3": {"effect": -0.3, "lapse": 0.3},
}


@main.command()
@click.option("--runs", default=20, show_default=True)
@click.option("--items", "n", default=200, show_default=True)
@click.option("--target", default=0.95, show_default=True)
def stop(runs: int, n: int, target: float) -> None:
    """Expected less true correlation at the stop: mean, and the most optimistic run."""
    click.echo(f"{'respondent':18s} {'read-out':10s} {'mean':>7s} {'largest':>8s} {'median N':>9s}")
    for name, planted in RESPONDENTS.items():
        for soft in (False, True):
            errors, sizes = [], []
            for seed in range(runs):
                step = _until(_respondent(planted, n, seed), soft, seed, target)
                errors.append(step.expected - step.rho)
                sizes.append(step.comparisons)
            readout = "logprobs" if soft else "sample"
            click.echo(
                f"{name:18s} {readout:10s} {np.mean(errors):+7.4f} {max(errors):+8.4f} "
                f"{median(sizes):9.0f}"
            )


@main.command()
@click.option("--items", "n", default=5000, show_default=True)
@click.option("--batches", default="250,1000,5000", show_default=True)
@click.option("--repeats", default=5, show_default=True)
def select(n: int, batches: str, repeats: int) -> None:
    """CPU seconds of one choice of a batch by the rank-optimal rule, without the fit: medians."""
    rng = np.random.default_rng(0)
    planted = Planted(rng.normal(0, 1.5, n), -0.3)
    steps = campaign(planted, RULES["rank-optimal"], rng=rng, batch=1000)
    next(steps)
    fitted = next(steps).fit
    data = fitted.data
    variances = fitted.posterior.variances(rng)
    state = State(
        fitted.utilities,
        variances,
        data.first,
        data.second,
        float(fitted.effects[0]),
        fitted.dispersion,
    )
    for batch in map(int, batches.split(",")):
        times = []
        for _ in range(repeats):
            began = time.process_time()
            chosen = RULES["rank-optimal"](state, batch, rng)
            times.append(time.process_time() - began)
            if len(chosen) != batch:
                raise SystemExit(f"{len(chosen)} pairs chosen, not {batch}")
        click.echo(
            f"{n} items, {len(data.first)} pairs asked, batch {batch}: {median(times):.3f} s"
        )


def _respondent(planted: dict[str, float], n: int, seed: int) -> Planted:
    rng = np.random.default_rng((seed, 1))
    noise = planted.get("noise", 1.0)
    utilities = np.resize(ORIGIN_MEANS, n) + rng.normal(0, 1.5, n)
    return Planted(
        utilities / noise,
        planted["effect"] / noise,
        0.5 / noise,
        planted.get("lapse", 0.0),
        seed=seed,
    )


def _until(planted: Planted, soft: bool, seed: int, target: float) -> Step:
    degree, batch = (4, 50) if soft else (5, 250)
    rng = np.random.default_rng(seed)
    steps = campaign(
        planted, RULES["rank-optimal"], rng=rng, soft=soft, degree=degree, batch=batch, reserve=0.08
    )
    for step in steps:
        if step.expected >= target or step.comparisons >= LIMIT:
            return step
    raise AssertionError("a campaign never ends by itself")


if __name__ == "__main__":
    main()
