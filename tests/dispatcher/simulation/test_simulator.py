"""The dispatcher's standing figures, at a size that fits into the test suite."""

import numpy as np
import pytest

from harness.dispatcher.simulation.policies import POLICIES
from harness.dispatcher.simulation.scenario import fluid_bound, sizes, standard
from harness.dispatcher.simulation.simulator import measure, ours


def test_standard_scenario() -> None:
    """12 000 requests with faults: makespan within 1.06 of the fluid bound, waste under 5 %."""
    run = measure("dispatcher", ours, standard(), requests=12_000, seed=11)
    assert run.answered == 12_000
    assert run.ratio <= 1.06
    assert run.waste <= 0.05


@pytest.mark.parametrize("name", list(POLICIES)[1:])
def test_plainer_policies_are_slower(name: str) -> None:
    """Every policy of the comparison ends, and later than the dispatcher."""
    run = measure(name, POLICIES[name], standard(), requests=1200, seed=3)
    ours_run = measure("dispatcher", ours, standard(), requests=1200, seed=3)
    assert run.answered + run.failed == 1200
    assert run.makespan > ours_run.makespan


def test_fluid_bound_is_a_bound() -> None:
    """Without faults the bound is work over rate, less what the bursts let through at once."""
    work = sizes(12_000, np.random.default_rng(0))
    mean = sum(size.tokens for size in work) / len(work)
    rate = 600_000 / 60 / mean + 400_000 / 60 / mean + 16 / (0.45)
    burst = 2 * (600_000 + 400_000) / 60 / mean
    slow_tail = 1.0  # The tail of A costs it no rate: it is bound by tokens.
    expected = (12_000 - burst) / rate * slow_tail
    assert fluid_bound(standard(faults=False), work) == pytest.approx(expected, rel=0.01)
