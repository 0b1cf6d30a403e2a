"""Ridge in closed form: the numbers of a plain implementation."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from steering_server.probing.folds import item_folds, origin_folds
from steering_server.probing.ridge import PENALTIES, Solved, fit


def problem(rng, *, items, width, targets=3):
    rows = rng.standard_normal((items, width)) * rng.uniform(0.1, 5, width)
    return (
        rows,
        rows[:, :targets] + rng.standard_normal((items, targets)),
        rng.uniform(0.2, 2, items),
    )


@pytest.mark.parametrize(("items", "width"), [(40, 90), (90, 20), (30, 30)])
def test_slopes_and_predictions_are_ridge(items, width):
    """scikit-learn's, weighted and with a free intercept, for more rows or more features."""
    rng = np.random.default_rng(items)
    rows, targets, weights = problem(rng, items=items, width=width)
    solved = Solved.of(rows, weights)
    for index in (3, 11, 18):
        alpha = solved.penalties[index]
        model = Ridge(alpha=alpha).fit(rows, targets, sample_weight=weights)
        assert np.allclose(solved.slopes(targets, np.full(3, alpha)).T, model.coef_, atol=1e-8)


@pytest.mark.parametrize(("items", "width"), [(40, 90), (90, 20)])
def test_the_deletion_formula_is_refitting_without_the_group(items, width):
    """Held-out errors of every penalty and target equal those of fits that leave each group out,
    and the row left out alone likewise."""
    rng = np.random.default_rng(width)
    rows, targets, weights = problem(rng, items=items, width=width)
    groups = [np.arange(first, items, 5) for first in range(5)]
    solved = Solved.of(rows, weights)
    found = solved.held_out(targets, groups)
    assert found.shape == (len(PENALTIES), 3)

    def off(left, alpha):
        kept = np.setdiff1d(np.arange(items), left)
        model = Ridge(alpha=alpha).fit(rows[kept], targets[kept], sample_weight=weights[kept])
        return targets[left] - model.predict(rows[left])

    for index in (0, 9, 21):
        alpha = solved.penalties[index]
        total = sum((weights[g, None] * off(g, alpha) ** 2).sum(0) for g in groups)
        assert np.allclose(found[index], total / weights.sum(), rtol=1e-6)
        alone = solved.left_out(targets, np.full(3, alpha))[7]
        assert np.allclose(alone, np.sqrt(weights[7]) * off(np.array([7]), alpha)[0], rtol=1e-6)


def test_a_constant_added_or_a_row_doubled_changes_nothing_or_what_weight_two_does():
    """Slopes ignore shifts of rows and targets; a row that stands twice is a row of weight two."""
    rng = np.random.default_rng(5)
    rows, targets, weights = problem(rng, items=30, width=8)
    groups = [np.arange(first, 30, 3) for first in range(3)]
    plain = fit(rows, targets, weights, groups)
    moved = fit(rows + 7, targets - 3, weights, groups)
    assert np.allclose(plain.slopes, moved.slopes, atol=1e-8)
    twice = np.append(np.arange(30), 4)
    doubled = weights.copy()
    doubled[4] *= 2
    one = Solved.of(rows[twice], weights[twice]).slopes(targets[twice], np.full(3, 2.0))
    assert np.allclose(one, Solved.of(rows, doubled).slopes(targets, np.full(3, 2.0)), atol=1e-8)


def test_no_fold_sees_what_it_predicts_and_every_item_is_held_out_once():
    """Folds split the items, each with its share of every origin; inner groups split the rest."""
    origins = ["a"] * 23 + ["b"] * 31 + ["c"] * 17 + ["d"] * 9
    rng = np.random.default_rng(0)
    for folds in (item_folds(origins, 5, rng), origin_folds(origins, rng)):
        assert sorted(np.concatenate([folds.test(k) for k in range(folds.count)])) == list(
            range(80)
        )
        for fold in range(folds.count):
            train, test = folds.train(fold), folds.test(fold)
            assert not set(train) & set(test)
            inner = np.concatenate(folds.inner[fold])
            assert sorted(inner) == list(range(len(train)))
            held = {origins[index] for index in test}
            if folds.design == "origins":
                assert len(held) == 1 and not held & {origins[index] for index in train}
            else:
                counts = [sum(origins[i] == name for i in test) for name in "abcd"]
                shares = [origins.count(name) / 5 for name in "abcd"]
                assert all(
                    abs(count - share) <= 1 for count, share in zip(counts, shares, strict=True)
                )
