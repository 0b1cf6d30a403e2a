"""The joint fit over wordings, contexts, …: utilities over the universe of levels.

    u_i(levels) = μ_i + Σ_f δ_i,level(f),   δ ~ N(0, s_f²),   μ ~ N(0, τ²)

with a position effect for every level. μ is the utility over all wordings that might have been
drawn, not only over those that were: an interval of it does not shrink below s/√(levels), however
many comparisons there are. Utilities are in units of an answer's whole response noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import UsageError
from harness.stats.facets.answers import FacetAnswers
from harness.stats.facets.evidence import converge, information
from harness.stats.facets.pairs import SharedByPair
from harness.stats.facets.profile import FOUND, Profile, profile
from harness.stats.facets.propagation import DENSE, Blocks, Propagation
from harness.stats.facets.solving import BlockSystem
from harness.stats.thurstone.comparisons import Comparisons, FloatArray, sums
from harness.stats.thurstone.variance import inverse

__all__ = ["JointFit", "joint_fit"]


@dataclass(frozen=True, eq=False)
class JointFit:
    """`components` name the variances (items, each facet, and `pair` where pairs were asked more
    than once); `variances` (K,) are theirs, `log_covariance` (K, K) of their logs, `profiles` (K,)
    what the evidence says along each (None for the items, and where no test was asked for).
    `covariance` (n, n) of the utilities
    over the universe about their mean, what the variances' own uncertainty adds included.
    `effects` (G,) are the position effects of each group of `answers.data`, `effect_covariance`
    (G, G) theirs: groups that share a level share what is known of it.
    """

    answers: FacetAnswers
    components: tuple[str, ...]
    variances: FloatArray
    log_covariance: FloatArray
    profiles: tuple[Profile | None, ...]
    utilities: FloatArray
    covariance: FloatArray
    effects: FloatArray
    effect_covariance: FloatArray
    posterior: Blocks
    notes: tuple[str, ...] = ()

    @property
    def se(self) -> FloatArray:
        """(n,) standard errors of the utilities."""
        return np.asarray(np.sqrt(np.diagonal(self.covariance)))

    @property
    def effect_se(self) -> FloatArray:
        """(G,) standard errors of the position effects."""
        return np.asarray(np.sqrt(np.diagonal(self.effect_covariance)))

    @property
    def position(self) -> tuple[float, float]:
        """The position effect over the groups, weighted by their comparisons, and its error."""
        data = self.answers.data
        count = sums(data.group, data.wins + data.losses, len(self.effects))
        weight = count / count.sum()
        variance = float(weight @ self.effect_covariance @ weight)
        return float(weight @ self.effects), float(np.sqrt(variance))

    @property
    def found(self) -> tuple[bool, ...]:
        """Whether each variance is more than 0, at 5 %; what was not tested counts as found."""
        return tuple(profile is None or profile.gain > FOUND for profile in self.profiles)

    @property
    def data(self) -> Comparisons:
        """The comparisons of all levels."""
        return self.answers.data

    @property
    def tau(self) -> float:
        """Standard deviation of the items' utilities."""
        return float(np.sqrt(self.variances[0]))

    def over_drawn(self) -> tuple[FloatArray, FloatArray]:
        """(n,) utilities over the levels that were drawn, mean 0, and their variances: what more
        comparisons under the same levels can tell."""
        shares = [np.ones(1), *(np.full(len(one), 1 / len(one)) for one in self.answers.levels)]
        pick = np.concatenate(shares)
        mean = self.posterior.mean[:-1] @ pick
        variance = np.einsum("i,nij,j->n", pick, self.posterior.blocks[:-1], pick)
        return mean - mean.mean(), np.maximum(variance, 1e-9)

    def draws(self, count: int, rng: np.random.Generator) -> FloatArray:
        """(n, count) draws of the utilities' posterior."""
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0))
        return np.asarray(self.utilities[:, None] + root @ rng.standard_normal((len(root), count)))


def joint_fit(
    answers: FacetAnswers,
    *,
    variances: Sequence[float] | None = None,
    tests: bool = True,
    draws: int = 128,
    seed: int = 0,
) -> JointFit:
    """Fit; UsageError without an answered comparison, and for probabilities read off a model.

    `variances` starts the estimates (items, facets). `tests` False leaves out the evidence against
    a variance of 0. Above `propagation.DENSE` parameters pairs have no
    effect of their own, and the covariance is made of `draws` draws, `seed` theirs.
    """
    data = answers.data
    if data.total <= 0:
        raise UsageError("no answered comparison to fit")
    if data.soft:
        raise UsageError(
            "a joint fit takes answers, not probabilities read off the model; expected "
            "records with read-out sample"
        )
    facets = len(answers.facets)
    start = np.array([1.0, *[0.3] * facets]) if variances is None else np.array(variances, float)
    run = Propagation(answers, variances=start, pair=0.0)
    # A first pass without the pairs' effects, and with local variances, is near and cheap.
    small = run.layout.size <= 300
    settled = converge(run, dense=small, tolerance=3e-3 if not run.dense else 0.03)
    twice = SharedByPair.seen(data)
    pairs = run.dense and twice
    if pairs:
        run.pairs, run.pair = SharedByPair(data, run.layout), 0.1
    if run.dense:
        settled = converge(run)
    components = ("item", *answers.facets, *(("pair",) if pairs else ()))
    bend = information(run)
    profiles = [None, *(profile(run, k) if tests else None for k in range(1, len(components)))]
    notes = [] if settled else ["expectation propagation did not converge"]
    if twice and not pairs:
        notes.append(
            f"with more than {DENSE:,} items × levels pairs have no effect of their own: what the "
            "answers to a pair share, its orders too, is taken for items and facets"
        )
    return _result(run, answers, components, bend, tuple(profiles), tuple(notes), draws, seed)


def _result(
    run: Propagation,
    answers: FacetAnswers,
    components: tuple[str, ...],
    bend: FloatArray,
    profiles: tuple[Profile | None, ...],
    notes: tuple[str, ...],
    draws: int,
    seed: int,
) -> JointFit:
    log_covariance = inverse(bend.copy())
    mean, covariance = _universe(run, log_covariance, draws, seed)
    effects, effect_covariance = _effects(run, answers)
    variances = run.variances
    if run.pairs is not None:
        # One answer's whole noise, the pair's own included, is the unit.
        unit = 1 + run.pair / 2
        mean, covariance = mean / np.sqrt(unit), covariance / unit
        effects, effect_covariance = effects / np.sqrt(unit), effect_covariance / unit
        variances = np.r_[variances, run.pair] / unit
    return JointFit(
        answers,
        components,
        variances,
        log_covariance,
        profiles,
        mean - mean.mean(),
        covariance,
        effects,
        effect_covariance,
        run.posterior,
        notes,
    )


def _universe(
    run: Propagation, log_covariance: FloatArray, draws: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Mean (n,) and covariance (n, n) about the mean of μ."""
    n, k, posterior = run.layout.n, run.layout.k, run.posterior
    pulls = _pulls(run)
    if posterior.dense is not None:
        moved = posterior.dense @ pulls
        own = posterior.dense[: n * k : k, : n * k : k]
    else:
        system = BlockSystem.of(run.layout, posterior.weights, posterior.prior)
        moved = system.solve(pulls, tolerance=1e-4)
        drawn = system.draws(np.random.default_rng(seed), draws)[: n * k : k]
        drawn = drawn - drawn.mean(axis=0)
        own = _shrunk(drawn, posterior.blocks[:-1, 0, 0] - run.variances[0] / n)
    away = moved[: n * k : k]
    size = away.shape[1]
    own = own + away @ log_covariance[:size, :size] @ away.T
    centre = np.eye(n) - 1 / n
    return posterior.mean[:-1, 0], np.asarray(centre @ own @ centre)


def _shrunk(drawn: FloatArray, variance: FloatArray) -> FloatArray:
    """The draws' covariance with the diagonal (n,) that is known: off it, the draws' noise is
    shrunk by the share that chance alone would give."""
    count = drawn.shape[1]
    raw = drawn @ drawn.T / count
    scale = np.sqrt(np.diagonal(raw))
    r = raw / np.outer(scale, scale)
    off = r - np.eye(len(r))
    seen = float((off**2).sum()) / (len(r) * (len(r) - 1))
    keep = max(1 - 1 / count / max(seen, 1e-12), 0.0)
    r = keep * off + np.eye(len(r))
    return np.asarray(r * np.sqrt(np.outer(variance, variance)))


def _pulls(run: Propagation) -> FloatArray:
    """(size, 1 + F) whose product with the covariance is dm/dt of each component."""
    layout, posterior = run.layout, run.posterior
    pick = np.eye(layout.components)[layout.component]
    pulls = np.zeros((layout.n + 1, layout.k, layout.components))
    pulls[:-1] = (posterior.mean[:-1] * posterior.prior[:-1])[:, :, None] * pick[None]
    return pulls.reshape(layout.size, layout.components)


def _effects(run: Propagation, answers: FacetAnswers) -> tuple[FloatArray, FloatArray]:
    """(G,) position effect of each combination of levels, and their covariance (G, G)."""
    starts = np.cumsum([1, *(len(names) for names in answers.levels)])[:-1]
    picks = np.zeros((len(answers.combos), run.layout.k))
    picks[:, 0] = 1
    for f, start in enumerate(starts):
        picks[np.arange(len(picks)), start + answers.combos[:, f]] = 1
    covariance = picks @ run.posterior.blocks[-1] @ picks.T
    return picks @ run.posterior.mean[-1], np.asarray(covariance)
