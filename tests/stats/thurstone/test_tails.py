"""Items that lie farther from the rest than one normal allows for."""

import numpy as np

from benchmarks.coverage import Condition, simulate
from harness.stats.thurstone.fit import fit
from harness.stats.thurstone.tails import FAR, tail_gain


def gain(condition: Condition, seed: int) -> float:
    return tail_gain(fit(simulate(condition, np.random.default_rng(seed))[2]))


def test_items_far_out_are_seen_and_normal_ones_are_not_taken_for_such() -> None:
    """Ten of a hundred items at +4 are evidence of heavy tails; normal utilities are none."""
    far = Condition(outliers=10, spread=0.5, degree=28)
    assert min(gain(far, seed) for seed in range(4)) > FAR
    assert max(gain(Condition(), seed) for seed in range(4)) < FAR
    assert max(gain(Condition(effect=-2.0), seed) for seed in range(4)) < FAR
