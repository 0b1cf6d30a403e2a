"""The fit: derivatives, symmetries, published tables, data at the edge."""

import json

import numpy as np
import polars as pl
import pytest
from scipy.optimize import approx_fprime

from harness.errors import UsageError
from harness.pairs.graphs import regular_pairs
from harness.stats.thurstone import variance
from harness.stats.thurstone.comparisons import Comparisons, aggregate
from harness.stats.thurstone.fit import Options, fit, point
from harness.stats.thurstone.likelihood import Likelihood, Objective
from harness.stats.thurstone.links import LINKS
from harness.stats.thurstone.precision import Design, Precision
from harness.stats.thurstone.sigma import SigmaObjective, choose_sigma, fit_sigma

ML = Options(link="logit", prior_sd=None)


def planted(
    n: int = 40,
    per_item: int = 30,
    *,
    effect: float = -0.5,
    seed: int = 0,
    spread: float = 1.5,
    sigma: np.ndarray | None = None,
    groups: int = 1,
) -> tuple[np.ndarray, Comparisons]:
    """Planted utilities with mean 0, and answers of a respondent that follows the model."""
    rng = np.random.default_rng(seed)
    mu = rng.normal(0, spread, n)
    mu -= mu.mean()
    noise = np.ones(n) if sigma is None else sigma
    first, second = rng.integers(0, n, (2, n * per_item // 2))
    first, second = first[first != second], second[first != second]
    group = rng.integers(0, groups, len(first))
    width = np.sqrt(noise[first] ** 2 + noise[second] ** 2)
    latent = mu[first] - mu[second] + effect * (1 + group)
    y = rng.random(len(first)) < LINKS["probit"].probability(latent / width)
    items = [f"i{k:03d}" for k in range(n)]
    names = [f"g{k}" for k in range(groups)]
    return mu, aggregate(items, first, second, y, ~y, group=group, groups=names)


@pytest.mark.parametrize("link", ["probit", "logit"])
def test_derivatives(link: str) -> None:
    """Gradient and Hessian of J equal finite differences, with several position groups."""
    _, data = planted(6, 20, groups=2)
    design = Design(data, position=True, scale=LINKS[link].scale)
    ridge = np.r_[np.full(6, 0.4), 0.04, 0.04]
    objective = Objective(Likelihood(data, LINKS[link]), design, ridge)
    theta = np.random.default_rng(1).normal(size=8)
    value, gradient, hessian = objective.terms(theta)
    assert value == pytest.approx(objective.value(theta))
    numeric = approx_fprime(theta, objective.value, 1e-6)
    np.testing.assert_allclose(gradient, numeric, atol=1e-3)
    columns = [
        (objective.terms(theta + 1e-5 * e)[1] - objective.terms(theta - 1e-5 * e)[1]) / 2e-5
        for e in np.eye(8)
    ]
    np.testing.assert_allclose(hessian.dense(), np.array(columns), atol=1e-5)
    np.testing.assert_allclose(hessian.dot(np.eye(8)), hessian.dense(), atol=1e-12)


@pytest.mark.parametrize(
    ("link", "centred"), [("probit", True), ("logit", True), ("probit", False)]
)
def test_derivatives_of_per_item_sigma(link: str, centred: bool) -> None:
    """The gradient in utilities, position effect and log σ equals finite differences."""
    _, data = planted(5, 20)
    options = Options(link=link, sigma="per-item", sigma_centred=centred)
    design = Design(data, position=True, scale=LINKS[link].scale)
    objective = SigmaObjective(data, options, design, np.full(6, 0.3))
    x = np.random.default_rng(2).normal(size=11)
    numeric = approx_fprime(x, lambda x: objective(x)[0], 1e-6)
    np.testing.assert_allclose(objective(x)[1], numeric, atol=1e-3)


def test_tails_are_finite() -> None:
    """The probit terms stay finite and right far out in both tails."""
    eta = np.array([-1e8, -1e5, -40.0, 0.0, 9.0, 40.0, 1e8])
    log_f, slope, curvature = LINKS["probit"].terms(eta)
    assert np.isfinite(np.r_[log_f[1:], slope, curvature]).all()
    np.testing.assert_allclose(slope[:3], -eta[:3], rtol=1e-3)
    np.testing.assert_allclose(curvature[:3], 1, rtol=1e-2)
    assert log_f[4] == pytest.approx(-1.1285884059538324e-19)


def test_shift_invariance() -> None:
    """A constant added to all utilities changes no likelihood; reported utilities have mean 0."""
    _, data = planted()
    design = Design(data, position=True, scale=1.0)
    likelihood = Likelihood(data, LINKS["probit"])
    theta = np.random.default_rng(0).normal(size=design.size)
    moved = theta + np.r_[np.full(data.n, 3.7), 0]
    assert likelihood.value(design.linear(moved)) == pytest.approx(
        likelihood.value(design.linear(theta))
    )
    assert fit(data).utilities.mean() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("options", [Options(), Options(link="logit"), ML])
def test_swapping_all_orders_turns_the_sign_of_the_position_effect(options: Options) -> None:
    """Shown in the other order with the same winners: β changes sign, utilities stay."""
    _, data = planted(12, 80)
    swapped = aggregate(data.items, data.second, data.first, data.losses, data.wins)
    here, there = fit(data, options), fit(swapped, options)
    np.testing.assert_allclose(here.utilities, there.utilities, atol=2e-3)
    np.testing.assert_allclose(here.effects, -there.effects, atol=2e-3)


def test_position_effect_is_a_parameter_of_the_fit() -> None:
    """Fault 8: one order a pair, better items mostly first: utilities are right with β in the
    model and wrong without."""
    rng = np.random.default_rng(5)
    n = 60
    mu = np.linspace(-1.5, 1.5, n)
    first, second = rng.integers(0, n, (2, 4000))
    first, second = first[first != second], second[first != second]
    swap = (mu[first] < mu[second]) & (rng.random(len(first)) < 0.8)
    first, second = np.where(swap, second, first), np.where(swap, first, second)
    y = rng.random(len(first)) < LINKS["probit"].probability((mu[first] - mu[second] - 1) / 2**0.5)
    data = aggregate([str(i) for i in range(n)], first, second, y, ~y)
    with_effect, without = fit(data), fit(data, Options(position=False))
    assert with_effect.effects[0] == pytest.approx(-1, abs=0.15)
    slope = [np.polyfit(mu, one.utilities, 1)[0] for one in (with_effect, without)]
    assert slope[0] == pytest.approx(1, abs=0.1)
    assert slope[1] < 0.75


def test_position_effect_by_group() -> None:
    """Each position group gets its own β."""
    _, data = planted(60, 200, effect=-0.4, groups=3)
    fitted = fit(data)
    np.testing.assert_allclose(fitted.effects, [-0.4, -0.8, -1.2], atol=0.15)


def test_counts_are_repetitions() -> None:
    """A row with count 3 is the same as three rows; real counts scale the information."""
    _, data = planted(10, 20)
    rows = np.repeat(np.arange(len(data.first)), 3)
    thrice = aggregate(
        data.items, data.first[rows], data.second[rows], data.wins[rows], data.losses[rows]
    )
    counted = aggregate(data.items, data.first, data.second, 3 * data.wins, 3 * data.losses)
    np.testing.assert_allclose(fit(thrice).utilities, fit(counted).utilities, atol=1e-9)


def test_local_variances_agree_with_dense_ones() -> None:
    """Above the dense limit the fit gives nearly the same utilities, intervals and β."""
    _, data = planted(300, 16)
    rng = np.random.default_rng(0)
    dense, local = fit(data), fit(data, Options(dense_limit=10))
    assert local.posterior.gaussian.covariance is None
    se = np.sqrt(dense.posterior.variances(rng))
    assert np.abs(dense.utilities - local.utilities).max() < 0.1 * se.mean()
    ratio = np.sqrt(local.posterior.variances(rng)) / se
    assert ratio.mean() == pytest.approx(1, abs=0.02)
    assert np.abs(ratio - 1).max() < 0.15
    assert local.posterior.effect_se()[0] == pytest.approx(dense.posterior.effect_se()[0], rel=0.02)
    assert local.tau == pytest.approx(dense.tau, rel=0.02)
    here, there = (one.posterior.reference_se(3, rng)[4:] for one in (local, dense))
    assert np.abs(here / there - 1).max() < 0.15


def test_contrasts_use_the_full_covariance() -> None:
    """A contrast's error is that of the difference, not of two independent utilities."""
    _, data = planted(12, 40)
    fitted = fit(data)
    rng = np.random.default_rng(0)
    rows = np.eye(12) - np.eye(12)[4]
    _, expected = fitted.posterior.linear(rows)
    np.testing.assert_allclose(fitted.posterior.reference_se(4, rng), expected, atol=1e-8)
    draws = fitted.posterior.draws(20000, rng)
    np.testing.assert_allclose((draws - draws[4]).std(axis=1), expected, rtol=0.03)


def test_intervals_cover() -> None:
    """95 % intervals cover planted utilities at 10 comparisons an item (the full study is
    benchmarks/coverage.py)."""
    inside = []
    for seed in range(12):
        mu, data = planted(150, 10, effect=-0.3, seed=seed)
        fitted = fit(data)
        se = np.sqrt(fitted.posterior.variances(np.random.default_rng(0)))
        inside.append(np.abs(fitted.utilities - mu) < 1.96 * se)
    assert 0.925 < np.mean(inside) < 0.97


def test_soft_counts_have_honest_intervals() -> None:
    """Probabilities with pair misfit .5: intervals cover (up to the common scale), where the
    likelihood's own curvature would be far too wide."""
    inside, dispersions = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        n = 100
        mu = rng.normal(0, 1.5, n)
        first, second = np.triu_indices(n, 1)
        take = rng.choice(len(first), 400, replace=False)
        first, second = first[take], second[take]
        latent = mu[first] - mu[second] - 0.3 + rng.normal(0, 0.5, 400)
        p = LINKS["probit"].probability(latent / 2**0.5)
        data = aggregate([str(i) for i in range(n)], first, second, p, 1 - p, soft=True)
        fitted = fit(data)
        se = np.sqrt(fitted.posterior.variances(rng))
        truth = (mu - mu.mean()) / (1 + 0.5**2 / 2) ** 0.5
        inside.append(np.abs(fitted.utilities - truth) < 1.96 * se)
        dispersions.append(fitted.dispersion)
    assert 0.9 < np.mean(inside) < 0.985
    assert max(dispersions) < 0.15


def test_repeated_answers_are_not_independent() -> None:
    """Pairs with a preference of their own, asked four times in both orders: intervals still
    cover; asked without such a preference, nothing is widened."""
    inside = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        mu = rng.normal(0, 1.5, 80)
        first, second = np.array(regular_pairs(80, 8, rng)).T
        for misfit in (0.0, 1.0):
            own = misfit * rng.normal(size=len(first))
            wins = [
                rng.binomial(
                    4, LINKS["probit"].probability(sign * (mu[first] - mu[second] + own) / 2**0.5)
                )
                for sign in (1, -1)
            ]
            rows = (np.r_[first, second], np.r_[second, first], np.r_[wins[0], wins[1]])
            fitted = fit(aggregate([str(k) for k in range(80)], *rows, 4 - rows[2]))
            if not misfit:
                assert fitted.shares.total < 0.1
                continue
            assert fitted.shares.pair == pytest.approx(1 / 3, abs=0.12)
            se = np.sqrt(fitted.posterior.variances(rng))
            truth = (mu - mu.mean()) / (1 + misfit**2 / 2) ** 0.5
            inside.append(np.abs(fitted.utilities - truth) < 1.96 * se)
    assert np.mean(inside) > 0.9


def test_per_item_sigma_is_found_where_there_are_answers_enough() -> None:
    """Planted σ are recovered at 300 answers an item; at 15 the fit keeps σ = 1 and says so."""
    sigma = np.exp(np.linspace(-0.8, 0.8, 40))
    _, data = planted(40, 300, sigma=sigma)
    options = Options(sigma="per-item")
    kept = choose_sigma(data, options, rng=np.random.default_rng(0)).fit
    assert np.corrcoef(np.log(kept.sigma), np.log(sigma))[0, 1] > 0.85
    assert np.log(kept.sigma).sum() == pytest.approx(0, abs=1e-6)
    _, sparse = planted(40, 15)
    refused = choose_sigma(sparse, options, rng=np.random.default_rng(0)).fit
    assert not len(refused.sigma)
    assert "sigma = 1 kept" in refused.notes[-1]


def test_sigma_bounds_and_penalty() -> None:
    """Bounds hold; without penalty and bounds σ runs away; a large penalty gives σ = 1."""
    _, data = planted(30, 12)
    base = fit(data)
    free = fit_sigma(data, Options(penalty=0, sigma_bound=None), base=base)
    held = fit_sigma(data, Options(penalty=0, sigma_bound=2.0), base=base)
    tight = fit_sigma(data, Options(penalty=1e6), base=base)
    assert free.sigma.max() > 14
    assert held.sigma.max() <= np.exp(2) + 1e-9
    np.testing.assert_allclose(tight.sigma, 1, atol=1e-2)


EDGES = {
    "undefeated": ([0, 0, 0, 1, 2], [1, 2, 3, 2, 3], [1, 1, 1, 1, 0]),
    "two components": ([0, 1, 2, 3], [1, 0, 3, 2], [1, 1, 0, 1]),
    "all first": ([0, 1, 2, 3, 0, 2], [1, 2, 3, 0, 2, 0], [1] * 6),
    "one comparison": ([0], [1], [1]),
}


@pytest.mark.parametrize("name", EDGES)
@pytest.mark.parametrize("limit", [800, 1])
def test_edges_are_finite_with_a_prior(name: str, limit: int) -> None:
    """Undefeated items, components, one-sided answers and one comparison give finite results."""
    first, second, y = EDGES[name]
    data = aggregate("abcd", first, second, y, 1 - np.array(y))
    for options in (Options(dense_limit=limit), Options(link="logit", dense_limit=limit)):
        fitted = fit(data, options)
        se = np.sqrt(fitted.posterior.variances(np.random.default_rng(0)))
        assert np.isfinite(np.r_[fitted.utilities, fitted.effects, se]).all()
        assert (se > 0).all()
    assert fit(data).components == {"two components": 2, "one comparison": 3}.get(name, 1)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("undefeated", "'a' never lost"),
        ("two components", "2 components"),
        ("all first", "position effect"),
        ("one comparison", "3 components"),
    ],
)
def test_edges_without_a_prior_are_one_clear_error(name: str, said: str) -> None:
    """Where maximum likelihood has no finite answer the error says which items or what."""
    first, second, y = EDGES[name]
    with pytest.raises(UsageError, match=said):
        fit(aggregate("abcd", first, second, y, 1 - np.array(y)), ML)


def test_nothing_to_fit_is_an_error_with_the_tally() -> None:
    """Zero answered comparisons: the error counts what there was instead."""
    with pytest.raises(UsageError, match=r"no answered comparison.*refused: 3"):
        fit(aggregate("ab", [], [], [], [], outcomes={"refused": 3.0}))


def test_the_point_estimate_is_the_mode() -> None:
    """`point` minimises J: it agrees with the fit at the same τ to a tenth of an error."""
    _, data = planted(100, 30)
    utilities, effects, tau = point(data)
    fitted = fit(data)
    assert np.corrcoef(utilities, fitted.utilities)[0, 1] > 0.999
    assert effects[0] == pytest.approx(fitted.effects[0], abs=0.03)
    assert tau == pytest.approx(fitted.tau, rel=0.15)


def _named(frame: pl.DataFrame) -> tuple[list[str], np.ndarray, np.ndarray]:
    items = sorted({*frame["first"], *frame["second"]})
    index = {item: k for k, item in enumerate(items)}
    return (
        items,
        np.array([index[item] for item in frame["first"]]),
        np.array([index[item] for item in frame["second"]]),
    )


def test_baseball(shared_data) -> None:
    """Agresti (2002), table 10.11: baseball 1987 without and with the home effect."""
    frame = pl.read_csv(shared_data / "reference/baseball_1987.csv").rename(
        {"home_team": "first", "away_team": "second"}
    )
    items, first, second = _named(frame)
    data = aggregate(items, first, second, frame["home_wins"], frame["away_wins"])
    names = ["Cleveland", "Boston", "New York", "Toronto", "Detroit", "Milwaukee"]
    at = [items.index(name) for name in names]
    without = fit(data, Options(link="logit", prior_sd=None, position=False)).utilities
    found = without[at] - without[items.index("Baltimore")]
    np.testing.assert_allclose(found.round(2), [0.68, 1.11, 1.25, 1.29, 1.44, 1.58])
    home = fit(data, ML)
    found = home.utilities[at] - home.utilities[items.index("Baltimore")]
    np.testing.assert_allclose(found.round(3), [0.705, 1.144, 1.281, 1.327, 1.475, 1.620])
    assert home.effects[0].round(3) == 0.302


def test_german_parties(shared_data) -> None:
    """psychotools: German parties 2009, contrasts to FDP and their standard errors."""
    frame = pl.read_csv(shared_data / "reference/german_parties_2009_ordered_trials.csv").rename(
        {"first_shown": "first", "second_shown": "second"}
    )
    items, first, second = _named(frame)
    y = (frame["winner"] == frame["first"]).to_numpy()
    data = aggregate(items, first, second, y, ~y)
    fitted = fit(data, Options(link="logit", prior_sd=None, position=False))
    reference = items.index("FDP")
    at = [items.index(name) for name in ("none", "Linke", "Gruene", "SPD", "CDU/CSU")]
    found = fitted.utilities[at] - fitted.utilities[reference]
    np.testing.assert_allclose(found.round(4), [-0.3756, -0.6161, 1.1858, 0.8131, 0.1756])
    se = fitted.posterior.reference_se(reference, np.random.default_rng(0))[at]
    np.testing.assert_allclose(se.round(4), [0.0890, 0.0910, 0.0951, 0.0907, 0.0875])


def test_citations(shared_data) -> None:
    """Stigler (1994): export scores of four journals, Biometrika = 0."""
    frame = pl.read_csv(shared_data / "reference/citations_stigler1994.csv")
    names = frame.columns[1:]
    counts = frame.select(names).to_numpy().astype(float)
    # Being cited is the win: row over column.
    i, j = np.nonzero(~np.eye(len(names), dtype=bool))
    data = aggregate(names, i, j, counts[i, j], np.zeros(len(i)))
    fitted = fit(data, Options(link="logit", prior_sd=None, position=False))
    found = dict(zip(names, fitted.utilities - fitted.utilities[0], strict=True))
    expected = {"Biometrika": 0, "Comm Statist": -2.949, "JASA": -0.480, "JRSS-B": 0.269}
    assert {name: round(float(value), 3) for name, value in found.items()} == expected


@pytest.mark.parametrize("case", [1, 2])
def test_choix_cases(shared_data, case: int) -> None:
    """The maximum-likelihood estimates of choix's own test cases."""
    file = shared_data / f"reference/choix_testcase-pairwise-{case}.json"
    given = json.loads(file.read_text())
    winner, loser = np.array(given["data"]).T
    items = [str(k) for k in range(given["n_items"])]
    data = aggregate(items, winner, loser, np.ones(len(winner)), np.zeros(len(winner)))
    fitted = fit(data, Options(link="logit", prior_sd=None, position=False))
    expected = np.array(given["ml_est"])
    np.testing.assert_allclose(fitted.utilities, expected - expected.mean(), atol=1e-6)


def test_draws_are_the_same_however_many_are_made_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Draws in blocks have the posterior's spread, and never hold more noise than allowed."""
    _, data = planted(60, 20)
    posterior = fit(data, Options(dense_limit=10)).posterior
    whole = posterior.draws(2000, np.random.default_rng(0))
    most, sizes, block = 100 * len(data.first), [], variance.block_of_draws

    def seen(
        design: Design,
        matrix: Precision,
        weights: np.ndarray,
        rng: np.random.Generator,
        count: int,
        tolerance: float,
    ) -> np.ndarray:
        sizes.append(count * len(weights))
        return block(design, matrix, weights, rng, count, tolerance)

    monkeypatch.setattr(variance, "block_of_draws", seen)
    monkeypatch.setattr(variance, "NOISE", most)
    blocks = posterior.draws(2000, np.random.default_rng(0))
    assert blocks.shape == whole.shape
    np.testing.assert_allclose(blocks.std(axis=1), whole.std(axis=1), rtol=0.15)
    assert len(sizes) == 20
    assert max(sizes) <= most
