"""Speed of the fit against its peers, in one run, on one BLAS thread, in processor seconds.

    python -m benchmarks.fit                       all sizes (about three minutes)
    python -m benchmarks.fit --sizes 500x7000
    python -m benchmarks.fit --whole               `penchant utilities` on a CSV: seconds, memory

Planted utilities N(0, 1.5²), β = −.3, one answer a row; a tenth of the pairs is held out. All fits
start from the same index arrays. Peers: scikit-learn's LogisticRegression(C = τ²) on the sparse
design (an intercept for the position), choix's opt_pairwise and ilsr_pairwise, and 1 000 full
gradient steps by Adam. choix and Adam run where they end within minutes.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import choix
import click
import numpy as np
import polars as pl
from scipy.sparse import csr_array
from scipy.special import expit, ndtr
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from benchmarks.planted import Planted
from harness.stats.thurstone.comparisons import Comparisons, FloatArray, IntArray, aggregate
from harness.stats.thurstone.fit import fit, point

TAU, EFFECT = 1.5, -0.3
ADAM_ROWS, CHOIX_ROWS = 200_000, 10_000
"""Peers are skipped above so many rows."""

Prediction = Callable[[IntArray], FloatArray]


@dataclass(frozen=True, eq=False)
class Data:
    """Pairs (m, 2) as shown, answers (m,) 1 where the first was chosen, number of items."""

    pairs: IntArray
    answers: FloatArray
    n: int


def simulate(n: int, rows: int, rng: np.random.Generator) -> tuple[Data, Data]:
    """Training and held-out data, split by unordered pair."""
    first = rng.integers(0, n, rows)
    second = (first + rng.integers(1, n, rows)) % n
    pairs = np.stack([first, second], axis=1)
    answers = Planted(rng.normal(0, TAU, n), EFFECT).answer(pairs, rng)
    # A hash of the pair, so that both orders fall on the same side.
    held = (pairs.min(axis=1) * 7919 + pairs.max(axis=1) * 104729) % 10 == 0
    return Data(pairs[~held], answers[~held], n), Data(pairs[held], answers[held], n)


def comparisons(data: Data) -> Comparisons:
    """Aggregated, as the fit wants them; its time counts."""
    items = [str(k) for k in range(data.n)]
    first, second = data.pairs.T
    return aggregate(items, first, second, data.answers, 1 - data.answers)


def ours_point(data: Data) -> Prediction:
    """The mode."""
    mu, effects, _ = point(comparisons(data))
    return lambda pairs: ndtr((mu[pairs[:, 0]] - mu[pairs[:, 1]] + effects[0]) / np.sqrt(2))


def ours_intervals(data: Data) -> Prediction:
    """Expectation propagation, and the intervals of all utilities."""
    fitted = fit(comparisons(data))
    fitted.posterior.variances(np.random.default_rng(0))
    fitted.posterior.effect_se()
    mu, beta = fitted.utilities, fitted.effects[0]
    return lambda pairs: ndtr((mu[pairs[:, 0]] - mu[pairs[:, 1]] + beta) / np.sqrt(2))


def scikit_learn(data: Data) -> Prediction:
    """Sparse logistic regression with an L2 penalty."""
    m = len(data.pairs)
    values = np.tile([1.0, -1.0], m)
    design = csr_array((values, data.pairs.ravel(), np.arange(0, 2 * m + 1, 2)), shape=(m, data.n))
    model = LogisticRegression(C=TAU**2).fit(design, data.answers)
    mu, beta = model.coef_[0], model.intercept_[0]
    return lambda pairs: expit(mu[pairs[:, 0]] - mu[pairs[:, 1]] + beta)


def _winners(data: Data) -> list[tuple[int, int]]:
    won = data.answers == 1
    first, second = data.pairs.T
    return list(
        zip(
            np.where(won, first, second).tolist(),
            np.where(won, second, first).tolist(),
            strict=True,
        )
    )


def opt_pairwise(data: Data) -> Prediction:
    """choix by a general optimiser."""
    mu = choix.opt_pairwise(data.n, _winners(data), alpha=TAU**-2)
    return lambda pairs: expit(mu[pairs[:, 0]] - mu[pairs[:, 1]])


def ilsr_pairwise(data: Data) -> Prediction:
    """choix by iterative Luce spectral ranking."""
    mu = choix.ilsr_pairwise(data.n, _winners(data), alpha=0.01)
    return lambda pairs: expit(mu[pairs[:, 0]] - mu[pairs[:, 1]])


def adam(data: Data, epochs: int = 1000, rate: float = 0.01) -> Prediction:
    """Means and log variances by full gradient steps with torch, as published code fits them."""
    import torch

    torch.set_num_threads(1)
    first, second = (torch.from_numpy(column.copy()) for column in data.pairs.T)
    answers = torch.from_numpy(data.answers)
    mu = torch.zeros(data.n, dtype=torch.float64, requires_grad=True)
    log_variance = torch.zeros(data.n, dtype=torch.float64, requires_grad=True)
    beta = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([mu, log_variance, beta], lr=rate)
    normal = torch.distributions.Normal(0.0, 1.0)
    for _ in range(epochs):
        optimiser.zero_grad()
        variance = log_variance.exp()
        z = (mu[first] - mu[second] + beta) / (variance[first] + variance[second]).sqrt()
        p = normal.cdf(z).clamp(1e-9, 1 - 1e-9)
        torch.nn.functional.binary_cross_entropy(p, answers).backward()
        optimiser.step()
    theta, noise = mu.detach().numpy(), np.exp(log_variance.detach().numpy())
    effect = float(beta.detach())
    return lambda pairs: ndtr(
        (theta[pairs[:, 0]] - theta[pairs[:, 1]] + effect)
        / np.sqrt(noise[pairs[:, 0]] + noise[pairs[:, 1]])
    )


FITS: dict[str, tuple[Callable[[Data], Prediction], int | None]] = {
    "point estimate": (ours_point, None),
    "with intervals": (ours_intervals, None),
    "scikit-learn": (scikit_learn, None),
    "choix opt_pairwise": (opt_pairwise, CHOIX_ROWS),
    "choix ilsr_pairwise": (ilsr_pairwise, CHOIX_ROWS),
    "Adam, 1 000 epochs": (adam, ADAM_ROWS),
}


def held_out_nll(predict: Prediction, data: Data) -> float:
    """Mean −log P of what was answered, nats."""
    p = np.clip(predict(data.pairs), 1e-12, 1 - 1e-12)
    return float(-np.mean(data.answers * np.log(p) + (1 - data.answers) * np.log1p(-p)))


@click.command()
@click.option("--sizes", default="500x7000,5000x100000,20000x1000000", show_default=True)
@click.option("--repeats", default=3, show_default=True, help="The fastest counts.")
@click.option("--all", "everything", is_flag=True, help="Run slow peers at every size.")
@click.option("--whole", is_flag=True, help="Time all of `penchant utilities` instead.")
def main(sizes: str, repeats: int, everything: bool, whole: bool) -> None:
    """A table of seconds and held-out NLL, and the ratios."""
    for size in sizes.split(","):
        n, rows = map(int, size.split("x"))
        if whole:
            _whole(n, rows)
            continue
        train, test = simulate(n, rows, np.random.default_rng(0))
        click.echo(f"{n} items, {rows} comparisons")
        seconds: dict[str, float] = {}
        for name, (run, limit) in FITS.items():
            slow = limit is not None
            if slow and rows > (limit or 0) and not everything:
                continue
            taken = []
            for _ in range(1 if slow else repeats):
                began = time.process_time()
                with threadpool_limits(1):
                    predict = run(train)
                taken.append(time.process_time() - began)
            seconds[name] = min(taken)
            click.echo(
                f"  {name:20s} {seconds[name]:9.3f} s   held-out NLL "
                f"{held_out_nll(predict, test):.4f}"
            )
        _ratios(seconds)


def _whole(n: int, rows: int) -> None:
    """The command on a CSV of `rows` comparisons, in a process of its own."""
    train, test = simulate(n, rows, np.random.default_rng(0))
    pairs = np.concatenate([train.pairs, test.pairs])
    answers = np.concatenate([train.answers, test.answers])
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "comparisons.csv"
        columns = {"first": pairs[:, 0], "second": pairs[:, 1]}
        choice = np.where(answers == 1, "first", "second")
        pl.DataFrame({**columns, "choice": choice}).write_csv(table)
        began = time.perf_counter()
        code = "from harness.cli.fits.utilities import utilities; utilities()"
        run = [sys.executable, "-c", code, str(table), "-o", str(Path(folder) / "out.csv")]
        subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
        wall = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    click.echo(
        f"{n} items, {rows} comparisons: {used.ru_utime + used.ru_stime:.1f} s of processor time, "
        f"{wall:.1f} s in all, {used.ru_maxrss / 1e6:.2f} GB at most"
    )


def _ratios(seconds: dict[str, float]) -> None:
    point_time, peer = seconds["point estimate"], seconds["scikit-learn"]
    click.echo(f"  point estimate / scikit-learn: {point_time / peer:.2f}")
    click.echo(f"  with intervals / scikit-learn: {seconds['with intervals'] / peer:.2f}")
    for name in ("choix opt_pairwise", "choix ilsr_pairwise", "Adam, 1 000 epochs"):
        if name in seconds:
            click.echo(f"  {name} / point estimate: {seconds[name] / point_time:.0f}")


if __name__ == "__main__":
    main()
