"""From questions to a reported analysis."""

import numpy as np
import polars as pl
import pytest

from harness.stats.choices.questions import questions_from_table
from harness.stats.choices.utilities import analyse
from harness.stats.thurstone.fit import Options


@pytest.mark.parametrize("options", [Options(), Options(sigma="per-item", force_sigma=True)])
def test_only_randomly_drawn_pairs_are_held_out(options: Options) -> None:
    """Where pairs are marked as random, every path scores these alone: neighbours, which were
    chosen for being close, are a coin's toss for any model."""
    rng = np.random.default_rng(0)
    mu = np.linspace(-4, 4, 40)
    far = rng.integers(0, 40, (400, 2))
    far = far[np.abs(far[:, 0] - far[:, 1]) > 8]
    low = rng.integers(0, 39, 600)
    near = np.stack([low, low + 1], axis=1)
    pairs = np.concatenate([far, near])
    y = mu[pairs[:, 0]] - mu[pairs[:, 1]] + 2**0.5 * rng.normal(size=len(pairs)) > 0
    table = pl.DataFrame(
        {
            "first": [f"i{k}" for k in pairs[:, 0]],
            "second": [f"i{k}" for k in pairs[:, 1]],
            "choice": np.where(y, "first", "second").tolist(),
            "random": [True] * len(far) + [False] * len(near),
        }
    )
    result = analyse(questions_from_table(table, where="here"), options=options)
    assert result.heldout is not None
    assert result.heldout.nll < 0.35
    assert result.heldout.comparisons < len(far)
