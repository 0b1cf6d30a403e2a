"""What the studies of choices find of planted truth: rehearsals at the level of records.

    python -m benchmarks.choosing                     1 000 runs a row, seeds 0 … 999
    python -m benchmarks.choosing --only framing --runs 50
    python -m benchmarks.choosing --chain 5           whole rehearsals too, through Inspect

Each run draws answers and reads them by the functions that the study's analysis reads them by. A
`covered` row is the share of 95 % intervals that hold the planted value, which ought to be .93 to
.97; `null` rows have none of what is tested, found ought to be .05 or less; `found` rows have it,
and ought to find it in .8 or more; `near` rows are the mean of an estimate, within .05 of the
planted value. All but for two standard errors over runs. Refusal is tested with 999 permutations.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import click
import numpy as np
from scipy.special import ndtr

from benchmarks.studies import chain
from harness.pairs.graphs import regular_pairs
from harness.respondent.latent import level_probabilities
from harness.respondent.settings import Settings
from harness.stats.choices.orders import BothOrders
from harness.stats.choices.position_effect import position_effect
from harness.stats.effects.correlation import disattenuated
from harness.stats.effects.refusal import refusal_preference
from harness.stats.facets.answers import facet_answers
from harness.stats.facets.components import components_of
from harness.stats.facets.joint import joint_fit
from harness.stats.intervals import Bootstrap, Estimate, FloatArray
from harness.stats.thurstone.comparisons import aggregate
from harness.stats.thurstone.fit import fit

Rng = np.random.Generator
Kind = Literal["covered", "null", "found", "near"]
BOOT = Bootstrap(resamples=500)
ORIGINS = 5
EACH = 12
"""Items of each origin."""
MISFIT = 0.5
"""What is held of a pair whatever its items: in neither utility."""
BETA = -0.3


def items() -> FloatArray:
    """Each item's origin."""
    return np.repeat(np.arange(ORIGINS), EACH)


def within(values: FloatArray) -> FloatArray:
    """The values with each origin's mean taken out."""
    of = items()
    return np.asarray(values - (np.bincount(of, weights=values) / EACH)[of])


def fitted(utilities: FloatArray, degree: int, rng: Rng) -> tuple[FloatArray, FloatArray]:
    """Utilities and their variances from pairs of its own, in both orders."""
    n = len(utilities)
    one, two = np.array(regular_pairs(n, degree, rng)).T
    held = MISFIT * rng.standard_normal(len(one))
    gap = utilities[one] - utilities[two] + held
    first, second = np.concatenate([one, two]), np.concatenate([two, one])
    chance = ndtr((np.concatenate([gap, -gap]) + BETA) / np.sqrt(2))
    wins = (rng.random(len(first)) < chance).astype(float)
    names = [f"i{number:03d}" for number in range(n)]
    found = fit(aggregate(names, first, second, wins, 1 - wins))
    return found.utilities, found.posterior.variances(rng)


def templates(rho: float, rng: Rng) -> Estimate:
    """pairwise-templates: utilities of two wordings that correlate by `rho` within origins."""
    means = rng.normal(0, 0.7, ORIGINS)[items()]
    common = rng.standard_normal(len(means))
    own = [
        means + 1.5 * (np.sqrt(rho) * common + np.sqrt(1 - rho) * rng.standard_normal(len(means)))
        for _ in range(2)
    ]
    (x, var_x), (y, var_y) = (fitted(values, 8, rng) for values in own)
    return disattenuated(
        within(x), within(y), var_x, var_y, shrunken=True, bootstrap=BOOT, means=ORIGINS
    )


def placed(beta: float, spread: float, what: str, rng: Rng) -> Estimate:
    """position-bias: 120 pairs in both orders, two answers each."""
    gap = spread * rng.standard_normal(120)
    asked = np.full(120, 2.0)
    names = tuple(f"i{number}" for number in range(120))
    pairs = BothOrders(
        a=names, b=names, origin_a=names, origin_b=names,
        first_a=rng.binomial(2, ndtr((gap + beta) / np.sqrt(2))).astype(float), asked_a=asked,
        first_b=rng.binomial(2, ndtr((-gap + beta) / np.sqrt(2))).astype(float), asked_b=asked,
        dropped=0,
    )  # fmt: skip
    found = position_effect(pairs, spread=what == "content")
    return found.content_sd if what == "content" else found.position


def refusals(between: float, slope: float, rng: Rng) -> Estimate:
    """utilities: refusal by origin alone, or by utility within it too; r within origins."""
    own = 1.5 * rng.standard_normal(ORIGINS * EACH)
    risky = items() == 0
    utilities = own - between * risky
    chance = ndtr(np.where(risky, 0.6, -1.2) - slope * own)
    refused = rng.random(len(own)) < chance
    x, _ = fitted(utilities, 8, rng)
    found = refusal_preference(
        refused, x, bootstrap=BOOT, origins=[f"o{one}" for one in items()], permutations=999
    )
    return found.within_origin


WORDINGS, CONTEXTS = 3, 2
FRAMED = 24
TAU = 1.5


def turned(wording: float, context: float, rng: Rng) -> Estimate:
    """framing: preferences between two items that another wording turns round."""
    mu = TAU * rng.standard_normal(FRAMED)
    by_wording = wording * rng.standard_normal((FRAMED, WORDINGS))
    by_context = context * rng.standard_normal((FRAMED, CONTEXTS))
    one, two = np.array(regular_pairs(FRAMED, 12, rng)).T
    first, second = np.concatenate([one, two]), np.concatenate([two, one])
    w, c = rng.integers(WORDINGS, size=len(first)), rng.integers(CONTEXTS, size=len(first))
    felt = mu[:, None, None] + by_wording[:, :, None] + by_context[:, None, :]
    chance = ndtr((felt[first, w, c] - felt[second, w, c] + BETA) / np.sqrt(2))
    wins = (rng.random(len(first)) < chance).astype(float)
    names = [f"i{number:03d}" for number in range(FRAMED)]
    answers = facet_answers(
        names, first, second, wins, 1 - wins,
        levels=[[f"w{one}" for one in w], [f"c{one}" for one in c]],
        facets=("wording", "context"),
    )  # fmt: skip
    found = components_of(joint_fit(answers, seed=0), seed=0)
    [flip] = [one for one in found.flips if one.source == "wording"]
    return Estimate(estimate=flip.preference, low=flip.preference_low, high=flip.preference_high)


def turning(wording: float, context: float) -> float:
    """Planted: two normal differences that correlate by ρ have other signs in arccos(ρ)/π."""
    same = TAU**2 + context**2
    return float(np.arccos(same / (same + wording**2)) / np.pi)


NOISE = Settings(rating_noise=0.8)
SEEDS = 4


def stated(rho: float, rng: Rng) -> Estimate:
    """stated-revealed: ratings on five levels, and choices, of values that correlate by `rho`."""
    common = rng.standard_normal(ORIGINS * EACH)
    felt, liked = (
        1.5 * (np.sqrt(rho) * common + np.sqrt(1 - rho) * rng.standard_normal(len(common)))
        for _ in range(2)
    )
    shares = np.array([level_probabilities(float(one), 5, NOISE) for one in felt])
    drawn = (rng.random((len(felt), SEEDS, 1)) > np.cumsum(shares, axis=1)[:, None, :]).sum(axis=2)
    error = drawn.var(axis=1, ddof=1) / SEEDS
    utilities, variances = fitted(liked, 8, rng)
    return disattenuated(
        drawn.mean(axis=1), utilities, error, variances, shrunken=(False, True), bootstrap=BOOT
    )


def straight(rho: float) -> float:
    """Planted: ρ times the correlation of the expected rating with what is felt."""
    felt = 1.5 * np.random.default_rng(0).standard_normal(20_000)
    mean = np.array([level_probabilities(float(one), 5, NOISE) for one in felt]) @ np.arange(5)
    return float(rho * np.corrcoef(felt, mean)[0, 1])


@dataclass(frozen=True)
class Case:
    """A row: the study, what is planted, how it is drawn, its value, and what ought to hold."""

    study: str
    words: str
    draw: Callable[[Rng], Estimate]
    truth: float
    kind: Kind


def cases() -> list[Case]:
    """All rows."""
    rows = [
        Case("pairwise-templates", f"r {rho:g}", _of(templates, rho), rho, "covered")
        for rho in (0.9, 0.5, 0.0)
    ]
    rows += [
        Case("position-bias", "β −2, no content: β", _of(placed, -2.0, 0.0, "place"), -2.0,
             "covered"),
        Case("position-bias", "β −2, no content: content", _of(placed, -2.0, 0.0, "content"), 0.0,
             "null"),
        Case("position-bias", "content, no β: β", _of(placed, 0.0, 1.5, "place"), 0.0, "null"),
        Case("position-bias", "content, no β: content", _of(placed, 0.0, 1.5, "content"), 0.0,
             "found"),
        Case("utilities", "refusal by origin alone", _of(refusals, 2.0, 0.0), 0.0, "null"),
        Case("utilities", "refusal within origins", _of(refusals, 2.0, 0.6), 0.0, "found"),
    ]  # fmt: skip
    rows += [
        Case("framing", f"flips, wordings {w:g}, contexts {c:g}", _of(turned, w, c), turning(w, c),
             "covered")
        for w, c in ((0.8, 0.4), (1.5, 0.3))
    ]  # fmt: skip
    rows += [
        Case("stated-revealed", f"r {rho:g}", _of(stated, rho), straight(rho), kind)
        for rho in (0.9, 0.4)
        for kind in ("near", "covered")
    ]
    return rows


def _of(draw: Callable[..., Estimate], *given: object) -> Callable[[Rng], Estimate]:
    return lambda rng: draw(*given, rng)


def judged(case: Case, found: list[Estimate]) -> tuple[float, float, bool]:
    """What the row shows, its standard error over runs, and whether it is within its bounds."""
    if case.kind == "near":
        values = np.array([one.estimate for one in found])
        error = float(values.std(ddof=1) / np.sqrt(len(values)))
        mean = float(values.mean())
        return mean, error, abs(mean - case.truth) <= 0.05 + 2 * error
    inside = np.array([one.low <= case.truth <= one.high for one in found])
    hits = inside if case.kind == "covered" else ~inside
    rate = float(hits.mean())
    error = float(np.sqrt(rate * (1 - rate) / len(hits)))
    at = {"covered": (0.93, 0.97), "null": (0.0, 0.05), "found": (0.8, 1.0)}[case.kind]
    slack = [2 * float(np.sqrt(edge * (1 - edge) / len(hits))) for edge in at]
    return rate, error, at[0] - slack[0] <= rate <= at[1] + slack[1]


@click.command()
@click.option("--runs", default=1000, show_default=True, help="Seeds 0 … runs − 1.")
@click.option("--only", default="", help="Rows whose study or words hold this.")
@click.option("--chain", "chains", default=0, help="Whole rehearsals a study, seeds 0 … this − 1.")
def main(runs: int, only: str, chains: int) -> None:
    """Print a line a row, with standard errors over runs, and whether it is within its bounds."""
    click.echo(f"{runs} runs a row; {ORIGINS} origins of {EACH} items")
    chosen = [case for case in cases() if only in case.study or only in case.words]
    drawn: dict[str, list[Estimate]] = {}
    for case in chosen if runs else ():
        began = time.monotonic()
        key = f"{case.study} {case.words}"
        if key not in drawn:
            drawn[key] = [case.draw(np.random.default_rng(seed)) for seed in range(runs)]
        value, error, good = judged(case, drawn[key])
        click.echo(
            f"{case.study:18s} {case.kind:7s} {case.words:32s} planted {case.truth:6.3f}  "
            f"{value:.3f} ± {error:.3f}  {'within' if good else 'OUT OF'} bounds  "
            f"{time.monotonic() - began:.0f} s"
        )
    for name in dict.fromkeys(case.study for case in chosen):
        inside = planted = 0
        for seed in range(chains):
            with TemporaryDirectory() as scratch:
                one, of = chain(name, seed, Path(scratch) / name)
            inside, planted = inside + one, planted + of
        if chains:
            click.echo(f"{name}: {chains} whole rehearsals, planted inside {inside} of {planted}")


if __name__ == "__main__":
    main()
