"""From questions to a reported analysis."""

import numpy as np
import polars as pl
import pytest

from benchmarks.coverage import Condition, simulate
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


def bridged(bridges: int) -> pl.DataFrame:
    """Two origins of twenty items, and so many pairs between them."""
    rng = np.random.default_rng(1)
    inside = [(o, *rng.choice(20, 2, replace=False).tolist()) for o in (0, 1) for _ in range(150)]
    pairs = [(f"{o}:{a}", f"{o}:{b}") for o, a, b in inside]
    pairs += [(f"0:{k % 20}", f"1:{(7 * k) % 20}") for k in range(bridges)]
    first, second = zip(*pairs, strict=True)
    return pl.DataFrame(
        {
            "first": first,
            "second": second,
            "choice": rng.choice(["first", "second"], len(pairs)).tolist(),
            "origin_first": [name[0] for name in first],
            "origin_second": [name[0] for name in second],
        }
    )


def test_few_comparisons_between_origins_are_said() -> None:
    """Origins have prior means of their own by default; few comparisons between them are said."""
    few = analyse(questions_from_table(bridged(5), where="here"))
    many = analyse(questions_from_table(bridged(200), where="here"))
    assert set(few.summary["group_sd"]) == {"origin", "graph"}
    assert any("an origin has 5 comparisons" in note for note in few.summary["notes"])
    assert not any("an origin has" in note for note in many.summary["notes"])


def test_no_rank_correlation_is_promised_that_only_the_prior_knows() -> None:
    """One normal over loosely tied parts: expected_rho is absent, and a note says why."""
    table = questions_from_table(bridged(5), where="here")
    one = analyse(table, options=Options(prior_groups="none"))
    assert one.summary["expected_rho"] is None
    assert one.summary["expected_rho_within_origin"] is None
    assert any("left out" in note for note in one.summary["notes"])
    assert analyse(table).summary["expected_rho"] is not None


def test_thin_data_are_said_to_be_wide() -> None:
    """Fewer than three pairs an item: intervals are too wide, and a note says so."""
    ring = pl.DataFrame(
        {
            "first": [f"{k}" for k in range(30)],
            "second": [f"{(k + 1) % 30}" for k in range(30)],
            "choice": ["first", "second"] * 15,
        }
    )
    notes = analyse(questions_from_table(ring, where="here")).summary["notes"]
    assert any("too wide" in note for note in notes)


def test_a_chain_promises_no_rank_correlation() -> None:
    """A hundred items that met only their neighbours: how they rank is hardly known."""
    pairs = [(a, b) for a in range(100) for b in range(a + 1, min(a + 6, 100))]
    first, second = np.array(pairs).T
    table = pl.DataFrame(
        {
            "first": [f"{k:02d}" for k in first],
            "second": [f"{k:02d}" for k in second],
            "choice": np.random.default_rng(0).choice(["first", "second"], len(pairs)).tolist(),
        }
    )
    summary = analyse(questions_from_table(table, where="here")).summary
    assert summary["expected_rho"] is None
    assert any("tie parts of the graph" in note for note in summary["notes"])


def test_items_far_out_are_said_with_their_prior() -> None:
    """Ten of a hundred items at +4 among narrow others: a note names the two normals."""
    condition = Condition(outliers=10, spread=0.5, degree=28)
    _, _, data = simulate(condition, np.random.default_rng(0))
    shown = np.repeat(np.arange(len(data.first)), (data.wins + data.losses).astype(int))
    won = np.concatenate(
        [
            ["first"] * int(w) + ["second"] * int(k)
            for w, k in zip(data.wins, data.losses, strict=True)
        ]
    )
    table = pl.DataFrame(
        {
            "first": [data.items[data.first[k]] for k in shown],
            "second": [data.items[data.second[k]] for k in shown],
            "choice": won,
        }
    )
    notes = analyse(questions_from_table(table, where="here")).summary["notes"]
    assert any("the prior is two normals" in note for note in notes)


@pytest.mark.parametrize(("best", "said"), [("always", "1 of 4 items"), ("mostly", "")])
def test_items_that_won_everything_are_said(best: str, said: str) -> None:
    """An item whose answers all fell one way is counted in a note; others are not."""
    pairs = [(f, s) for f in "abcd" for s in "abcd" if f != s] * 2
    choices = ["first" if k % 3 else "second" for k in range(len(pairs))]
    for k, (f, s) in enumerate(pairs):
        if "a" in (f, s) and (best == "always" or k > 3):
            choices[k] = "first" if f == "a" else "second"
    first, second = zip(*pairs, strict=True)
    table = pl.DataFrame({"first": first, "second": second, "choice": choices})
    notes = analyse(questions_from_table(table, where="here")).summary["notes"]
    found = [note for note in notes if "won or lost all their comparisons" in note]
    assert [note.startswith(said) for note in found] == ([True] if said else [])
