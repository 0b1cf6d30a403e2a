"""False positives and coverage of the tests of effects, where data are awkward.

    python -m benchmarks.effects                  500 runs a condition, seeds 0 … 499
    python -m benchmarks.effects --runs 20        a look

Each condition has no effect (or a known one): the share of p < .05 ought to be .05 or less, that of
95 % intervals that cover the truth .95 or more; "none" is the share of runs that give no interval.
"""

from collections.abc import Callable

import click
import numpy as np

from harness.stats.effects.diagonal import self_vs_cross
from harness.stats.effects.effects import paired_delta
from harness.stats.effects.refusal import refusal_preference
from harness.stats.intervals import Bootstrap, Tested

Case = Callable[[np.random.Generator], tuple[Tested, float]]
_BOOT = Bootstrap(resamples=0)


def skewed(n: int) -> Case:
    """Differences of mean zero whose median is below it (exponential less its mean)."""
    return lambda rng: (paired_delta(rng.exponential(size=(n, 1)) - 1, np.zeros((n, 1))), 0.0)


def five_levels(n: int) -> Case:
    """Two ratings an item on five levels, mostly ties, without an effect."""

    def case(rng: np.random.Generator) -> tuple[Tested, float]:
        base = rng.integers(1, 6, (n, 1))
        one, two = (np.clip(base + rng.choice([-1, 0, 1], (n, 2), p=[0.1, 0.8, 0.1]), 1, 5)
                    for _ in range(2))  # fmt: skip
        return paired_delta(one.astype(float), two.astype(float)), 0.0

    return case


def refused(n: int, few: int, spread: float, quantity: str) -> Case:
    """`few` of `n` items refused, their preference `spread` times as wide, the same mean."""

    def case(rng: np.random.Generator) -> tuple[Tested, float]:
        mark = np.arange(n) < few
        preference = rng.normal(size=n) * np.where(mark, spread, 1.0)
        found = refusal_preference(
            mark, preference, bootstrap=_BOOT, permutations=999,
            origins=[f"o{k % 2}" for k in range(n)],
        )  # fmt: skip
        return getattr(found, quantity), 0.5 if quantity == "lower" else 0.0

    return case


def liking(k: int, sd: float) -> Case:
    """Raters who take to completers, themselves no more than others; 60 items."""

    def case(rng: np.random.Generator) -> tuple[Tested, float]:
        cells = (
            rng.normal(size=(60, 1, 1)) + rng.normal(size=(1, k, 1)) + rng.normal(size=(1, 1, k))
        )
        cells = cells + sd * rng.normal(size=(1, k, k)) + rng.normal(size=(60, k, k))
        return self_vs_cross(cells, bootstrap=_BOOT).by_item, 0.0

    return case


CASES: dict[str, Case] = {
    **{f"mean, exponential, n {n}": skewed(n) for n in (8, 20, 100, 400)},
    **{f"mean, five levels, n {n}": five_levels(n) for n in (8, 13, 60)},
    **{
        f"{name}, {few} of {n} refused, spread × {spread:g}": refused(n, few, spread, name)
        for name in ("point_biserial", "within_origin", "lower")
        for n, few, spread in ((40, 4, 1.0), (40, 4, 3.0), (60, 15, 3.0), (60, 15, 0.33))
    },
    **{f"self and cross, {k} models, liking sd {sd:g}": liking(k, sd)
       for k in (3, 4, 5) for sd in (0.0, 0.3)},
}  # fmt: skip


@click.command()
@click.option("--runs", default=500, show_default=True, help="Seeds 0 … runs − 1.")
@click.option("--only", default="", help="Conditions whose name holds this.")
def main(runs: int, only: str) -> None:
    """Print a line a condition, with standard errors over runs."""
    click.echo(f"{'condition':50s} {'p < .05':>13s} {'covered':>13s} {'none':>6s}")
    for name, case in CASES.items():
        if only not in name:
            continue
        found = [case(np.random.default_rng(seed)) for seed in range(runs)]
        claimed = [one.p < 0.05 for one, _ in found]
        given = [(one.low <= truth <= one.high) for one, truth in found if np.isfinite(one.low)]
        none = 1 - len(given) / runs
        covered = _share(given) if given else "–"
        click.echo(f"{name:50s} {_share(claimed):>13s} {covered:>13s} {none:6.2f}")


def _share(values: list[bool]) -> str:
    mean = float(np.mean(values))
    return f"{mean:.3f} ± {np.sqrt(mean * (1 - mean) / len(values)):.3f}"


if __name__ == "__main__":
    main()
