"""The joint fit over wordings: what was planted is found again, and the laws that hold exactly."""

import numpy as np
import pytest

from benchmarks.wordings import Planted, simulated
from harness.errors import UsageError
from harness.stats.facets.answers import FacetAnswers, facet_answers
from harness.stats.facets.evidence import converge, gradients
from harness.stats.facets.joint import JointFit, joint_fit
from harness.stats.facets.propagation import Propagation
from harness.stats.facets.shares import choice_shares
from harness.stats.thurstone.comparisons import FloatArray, aggregate
from harness.stats.thurstone.fit import fit

SMALL = Planted(items=40, wordings=4, each=40)


@pytest.fixture(scope="module")
def answers() -> FacetAnswers:
    return simulated(SMALL, 0)[1]


@pytest.fixture(scope="module")
def fitted(answers: FacetAnswers) -> JointFit:
    return joint_fit(answers)


@pytest.fixture(scope="module")
def several() -> list[tuple[FloatArray, JointFit]]:
    """Planted utilities and fits of ten data sets."""
    made = [simulated(SMALL, seed) for seed in range(10)]
    return [(mu, joint_fit(answers, tests=False)) for mu, answers in made]


def test_covered(several: list[tuple[FloatArray, JointFit]]) -> None:
    """Over ten data sets the intervals hold the utilities over the universe of wordings."""
    shares = []
    for mu, fitted in several:
        away = fitted.utilities - mu + mu.mean()
        shares.append(float((np.abs(away) < 1.96 * fitted.se).mean()))
    assert 0.91 < np.mean(shares) < 0.98


def test_sd_found(several: list[tuple[FloatArray, JointFit]]) -> None:
    """The planted sds of items and of item × wording come out right in the median."""
    sds = np.sqrt([fitted.variances for _, fitted in several])
    item, wording = np.median(sds[:, :2], axis=0)
    assert item == pytest.approx(1.5, rel=0.15)
    assert wording == pytest.approx(0.8, rel=0.15)


def test_none_found() -> None:
    """Without item × wording none is found in most data sets, and its interval begins at 0."""
    none = Planted(items=40, sd=0.0, each=40)
    shares = [choice_shares(joint_fit(simulated(none, seed)[1]))[1] for seed in range(4)]
    assert sum(bool(share.found) for share in shares) <= 1
    assert all(share.low == 0 < share.high for share in shares if not share.found)


def test_pair_found() -> None:
    """What answers to a pair share is found where pairs were asked under every wording."""
    rng = np.random.default_rng(1)
    n, first, second = 40, *np.triu_indices(40, 1)
    mu, pair = rng.normal(0, 1.5, n), rng.normal(0, 1.2, len(first))
    f, s, e = (np.tile(x, 4) for x in (first, second, pair))
    wins = (mu[f] - mu[s] + e + np.sqrt(2) * rng.normal(size=len(f)) > 0).astype(float)
    level = np.repeat(["a", "b", "c", "d"], len(first)).tolist()
    items = [str(k) for k in range(n)]
    answers = facet_answers(items, f, s, wins, 1 - wins, levels=[level], facets=["wording"])
    shares = {share.source: share for share in choice_shares(joint_fit(answers))}
    assert shares["pair"].found and not shares["item × wording"].found
    whole = 2 + 1.44
    assert shares["pair"].variance == pytest.approx(2 * 1.44 / whole, rel=0.25)
    assert shares["item"].variance == pytest.approx(2 * mu.var() * 2 / whole, rel=0.25)


def test_local_as_dense(answers: FacetAnswers) -> None:
    """Local variances are those of the inverse to a tenth, and the means the same."""
    dense = Propagation(answers, variances=np.array([2.0, 0.6]), pair=0.0)
    local = Propagation(answers, variances=np.array([2.0, 0.6]), pair=0.0)
    for _ in range(15):
        dense.renew(dense.look(dense=True))
        local.renew(local.look(dense=False))
    assert np.abs(local.posterior.mean - dense.posterior.mean)[:-1].max() < 0.12
    ratio = local.posterior.blocks[:-1, 0, 0] / dense.posterior.blocks[:-1, 0, 0]
    assert np.abs(ratio - 1).max() < 0.1


@pytest.mark.parametrize(("variance", "near"), [(0.001, 0.2), (0.1, 0.3), (0.64, 1.0)])
def test_local_evidence(variance: float, near: float) -> None:
    """The evidence's slopes with local blocks are those with an inverse: none to a facet that the
    answers say nothing of, so that one which does nothing is not found among many items."""
    plan = Planted(items=60, each=16, sd=0.0 if variance < 0.5 else 0.8)
    slopes = []
    for dense in (True, False):
        run = Propagation(simulated(plan, 0)[1], variances=np.array([2.25, variance]), pair=0.0)
        converge(run, held=(0, 1), dense=dense)
        slopes.append(gradients(run))
    np.testing.assert_allclose(slopes[0], slopes[1], atol=near)


def test_none_found_among_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are too many parameters for an inverse, a wording that does nothing is not found,
    and pairs in both orders, which have no effect of their own there, are spoken of."""
    monkeypatch.setattr("harness.stats.facets.propagation.DENSE", 100)
    plan = Planted(items=60, each=16, sd=0.0)
    fits = [joint_fit(simulated(plan, seed)[1]) for seed in range(5)]
    assert sum(fitted.found[1] for fitted in fits) <= 1
    assert any("no effect of their own" in note for fitted in fits for note in fitted.notes)


def test_mirrored(answers: FacetAnswers, fitted: JointFit) -> None:
    """Every answer turned round turns utilities and position effects round."""
    data = answers.data
    level = np.array(answers.levels[0])[answers.level[:, 0]].tolist()
    turned = facet_answers(
        data.items, data.first, data.second, data.losses, data.wins, levels=[level], facets=["w"]
    )
    other = joint_fit(turned, tests=False)
    assert np.allclose(other.utilities, -fitted.utilities, atol=0.02)
    assert np.allclose(other.effects, -fitted.effects, atol=0.02)


def test_wider_than_pooled(answers: FacetAnswers, fitted: JointFit) -> None:
    """No interval is narrower than the wordings drawn allow: s²/4 of four wordings at least."""
    floor = fitted.variances[1] / 4
    shrunk = 1 / (1 / fitted.variances[0] + 1 / floor)
    assert (fitted.se**2 > 0.9 * shrunk).all()


def test_shares_add_up(fitted: JointFit) -> None:
    """Shares are of one whole, and lie in their intervals."""
    shares = choice_shares(fitted)
    assert sum(share.share for share in shares) == pytest.approx(1)
    assert all(share.low <= share.share <= share.high for share in shares)
    assert [s.source for s in shares][:3] == ["item", "item × wording", "order"]


def test_two_facets() -> None:
    """Two crossed facets are told apart: the one that matters is found, the other is not."""
    rng = np.random.default_rng(3)
    n, m = 30, 3600
    mu, own = rng.normal(0, 1.5, n), rng.normal(0, 1.0, (n, 3))
    first = rng.integers(0, n, m)
    second = (first + rng.integers(1, n, m)) % n
    w, c = rng.integers(0, 3, m), rng.integers(0, 3, m)
    gap = mu[first] + own[first, w] - mu[second] - own[second, w]
    wins = (gap + np.sqrt(2) * rng.normal(size=m) > 0).astype(float)
    answers = facet_answers(
        [str(k) for k in range(n)],
        first,
        second,
        wins,
        1 - wins,
        levels=[[f"w{k}" for k in w], [f"c{k}" for k in c]],
        facets=["wording", "context"],
    )
    fitted = joint_fit(answers)
    found = dict(zip(fitted.components, fitted.found, strict=True))
    assert found["wording"] and not found["context"]
    # Nine combinations of levels share most of what is known of the position: no nine estimates.
    mean, se = fitted.position
    flat = answers.data
    one = fit(aggregate(flat.items, flat.first, flat.second, flat.wins, flat.losses))
    assert 1 < se / one.posterior.effect_se()[0] < 1.3
    assert abs(mean) < 3 * se


def test_nothing_to_fit() -> None:
    """No answered comparison is an error that says so."""
    empty = facet_answers(["a", "b"], [], [], [], [], levels=[[]], facets=["wording"])
    with pytest.raises(UsageError, match="no answered comparison"):
        joint_fit(empty)
