"""Coverage of 95 % intervals of utilities and of the position effect, by density.

    python -m benchmarks.coverage                 n = 300, 40 runs a density
    python -m benchmarks.coverage --runs 400 --no-peer      for the position effect

A planted respondent with σ = 1, no misfit, utilities N(0, 1.5²), β = −.3; a random regular graph
with balanced orders. Beside ours, in the same runs, stands the usual empirical Bayes by the Laplace
approximation (mode, curvature, τ² = mean(μ² + Var μ)).
"""

import click
import numpy as np

from benchmarks.planted import Planted
from harness.pairs.graphs import present, regular_pairs
from harness.stats.thurstone.comparisons import Comparisons, FloatArray, aggregate
from harness.stats.thurstone.fit import fit
from harness.stats.thurstone.laplace import laplace
from harness.stats.thurstone.links import LINKS
from harness.stats.thurstone.posterior import Posterior
from harness.stats.thurstone.precision import Design

SPREAD, EFFECT = 1.5, -0.3


def simulate(n: int, degree: int, rng: np.random.Generator) -> tuple[FloatArray, Comparisons]:
    """Planted utilities with mean 0, and one answer a pair of a regular graph."""
    utilities = rng.normal(0, SPREAD, n)
    utilities -= utilities.mean()
    orders = present(regular_pairs(n, degree, rng), "balanced", rng)
    pairs = np.array([shown[0] for shown in orders])
    y = Planted(utilities, EFFECT).answer(pairs, rng)
    items = [str(i) for i in range(n)]
    return utilities, aggregate(items, pairs[:, 0], pairs[:, 1], y, 1 - y)


@click.command()
@click.option("--runs", default=40, show_default=True)
@click.option("--items", "n", default=300, show_default=True)
@click.option("--densities", default="5,10,18,28", show_default=True)
@click.option("--peer/--no-peer", default=True, show_default=True)
def main(runs: int, n: int, densities: str, peer: bool) -> None:
    """Print a line a density: coverage with its standard error over runs, τ̂, coverage of β."""
    click.echo(f"{'per item':>8s} {'ours':>14s} {'τ':>6s} {'β':>6s} {'Laplace':>14s} {'τ':>6s}")
    for degree in map(int, densities.split(",")):
        ours, beta, tau, other, other_tau = [], [], [], [], []
        for seed in range(runs):
            rng = np.random.default_rng((degree, seed))
            truth, data = simulate(n, degree, rng)
            fitted = fit(data)
            ours.append(covered(fitted.posterior, truth, rng))
            beta.append(
                abs(fitted.effects[0] - EFFECT) < 1.96 * float(fitted.posterior.effect_se()[0])
            )
            tau.append(fitted.tau)
            if peer:
                laplaces = empirical_bayes(data)
                other.append(covered(laplaces, truth, rng))
                other_tau.append(laplaces.gaussian.tau)
        click.echo(
            f"{degree:8d} {_share(ours)} {np.mean(tau):6.2f} {np.mean(beta):6.3f}"
            + (f" {_share(other)} {np.mean(other_tau):6.2f}" if peer else "")
        )


def covered(posterior: Posterior, truth: FloatArray, rng: np.random.Generator) -> float:
    """Share of the planted utilities inside their interval."""
    se = np.sqrt(posterior.variances(rng))
    return float(np.mean(np.abs(posterior.utilities - truth) < 1.96 * se))


def empirical_bayes(data: Comparisons) -> Posterior:
    """Laplace approximation with τ² ← mean(μ² + Var μ) until it holds still."""
    link = LINKS["probit"]
    design = Design(data, position=True, scale=link.scale)
    tau, theta = 1.0, np.zeros(design.size)
    for _ in range(100):
        result = laplace(
            data,
            link,
            design,
            start=theta,
            tau=tau,
            estimate_tau=False,
            estimate_dispersion=False,
            effect_ridge=0.04,
            dense=True,
        ).posterior
        theta = result.mean
        new = float(np.sqrt(np.mean(theta[: data.n] ** 2 + result.local)))
        if abs(new - tau) < 1e-3:
            break
        tau = new
    return Posterior(design, result)


def _share(values: list[float]) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values) / np.sqrt(len(values)):.3f}"


if __name__ == "__main__":
    main()
