"""The table and the summary of a fit."""

import numpy as np
import polars as pl
import pytest

from harness.stats.choices.questions import build
from harness.stats.choices.utilities import analyse
from harness.stats.thurstone.comparisons import aggregate
from harness.stats.thurstone.fit import Options, fit
from harness.stats.thurstone.heldout import held_out, predict, score, split
from harness.stats.thurstone.table import COLUMNS, group_means, utilities


def questions(n: int = 30, count: int = 900, seed: int = 0) -> tuple[np.ndarray, pl.DataFrame]:
    rng = np.random.default_rng(seed)
    mu = rng.normal(0, 1.5, n)
    first, second = rng.integers(0, n, (2, count))
    first, second = first[first != second], second[first != second]
    y = (mu[first] - mu[second] - 0.4 + 2**0.5 * rng.normal(size=len(first))) > 0
    names = np.array([f"i{k:02d}" for k in range(n)])
    table = pl.DataFrame(
        {
            "first": names[first],
            "second": names[second],
            "origin_first": [f"o{k % 3}" for k in first],
            "origin_second": [f"o{k % 3}" for k in second],
            "template": "t",
            "outcome": "answered",
            "p": y.astype(float),
            "count": 1.0,
            "soft": False,
            "random": False,
            "refused_first": None,
            "refused_second": None,
        }
    )
    return mu, table


def test_columns_ranks_and_errors() -> None:
    """Exactly the documented columns; ranks follow utilities and lie in their intervals; σ is
    response noise and not the error (fault 10)."""
    _, asked = questions()
    table = analyse(asked).table
    assert tuple(table.columns) == COLUMNS
    assert table["rank"].to_list() == list(range(1, 31))
    assert table["utility"].is_sorted(descending=True)
    assert (table["rank_low"] <= table["rank"]).all()
    assert (table["rank"] <= table["rank_high"]).all()
    assert (table["sigma"] == 1).all()
    half = (table["high"] - table["low"]).to_numpy() / 2
    np.testing.assert_allclose(half, 1.959964 * table["se"].to_numpy(), rtol=1e-6)
    more = analyse(questions(count=3600)[1]).table
    shrink = (more["se"].mean() or 0) / (table["se"].mean() or 1)
    assert shrink == pytest.approx(0.5, abs=0.08)
    assert table["comparisons"].sum() == 2 * len(asked)


def test_reference_is_zero_without_error() -> None:
    """Contrasts: the reference has utility 0 and error 0; differences are those of the fit."""
    _, asked = questions()
    plain, contrast = analyse(asked).table, analyse(asked, reference="i05").table
    there = contrast.filter(pl.col("item") == "i05").row(0, named=True)
    assert (there["utility"], there["se"]) == (0, 0)
    shift = plain.join(contrast, on="item")
    np.testing.assert_allclose(
        np.ptp((shift["utility"] - shift["utility_right"]).to_numpy()), 0, atol=1e-9
    )


def test_summary_names() -> None:
    """The summary has the documented names and plain values."""
    _, asked = questions()
    refused = asked.head(20).with_columns(outcome=pl.lit("refused"), p=pl.lit(None, pl.Float64))
    summary = analyse(pl.concat([asked, refused])).summary
    assert summary["position_effect_low"] < -0.4 < summary["position_effect_high"]
    assert summary["components"] == 1
    assert summary["tau"] == pytest.approx(1.5, abs=0.5)
    assert 0.3 < summary["heldout_nll"] < 0.693
    assert summary["outcomes"] == {"answered": float(len(asked)), "refused": 20.0}
    assert summary["without_position"]["pearson"] > 0.9


def test_components_are_reported() -> None:
    """Two islands of items: the summary counts them and warns."""
    _, asked = questions()
    island = asked.with_columns(
        first=pl.lit("x") + pl.col("first"), second=pl.lit("x") + pl.col("second")
    )
    summary = analyse(pl.concat([asked, island])).summary
    assert summary["components"] == 2
    assert any("2 components" in note for note in summary["notes"])


def test_group_means_agree_with_draws() -> None:
    """The mean of a group's utilities and its error are those of posterior draws."""
    _, asked = questions()
    result = analyse(asked)
    labels = [origin or "" for origin in result.origins]
    means = group_means(result.fit, labels)
    draws = result.fit.posterior.draws(20_000, np.random.default_rng(0))
    for row in means.iter_rows(named=True):
        member = np.array([label == row["group"] for label in labels])
        drawn = draws[member].mean(axis=0)
        assert row["mean"] == pytest.approx(drawn.mean(), abs=0.01)
        assert row["se"] == pytest.approx(drawn.std(), rel=0.05)


def test_the_split_is_by_unordered_pair() -> None:
    """Both orders of a pair are on one side of the split; only eligible pairs are held out."""
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 12, (2, 600))
    first, second = first[first != second], second[first != second]
    data = aggregate(
        [str(k) for k in range(12)], first, second, np.ones(len(first)), np.zeros(len(first))
    )
    rows = split(data, rng=rng, fraction=0.3)
    _, pair = data.pair_index()
    assert not set(pair[rows]) & set(pair[~rows])
    eligible = data.first < 3
    chosen = split(data, rng=rng, fraction=0.3, eligible=eligible)
    assert set(pair[chosen]) <= set(pair[eligible])


def test_scores() -> None:
    """A coin scores ln 2; the planted model scores better held out than a coin."""
    _, asked = questions()
    data = build(asked)
    coin = score(np.full(len(data.first), 0.5), data)
    assert coin.nll == pytest.approx(np.log(2))
    assert coin.accuracy == pytest.approx(0.5)
    held = held_out(data, rng=np.random.default_rng(0))
    assert held is not None
    assert held.nll < 0.6
    assert held.accuracy > 0.65
    assert score(predict(fit(data), data), data).nll < held.nll + 0.1


def test_rank_intervals_widen_with_fewer_answers() -> None:
    """Ranks are surer with more comparisons, above the dense limit too."""
    _, few = questions(count=300)
    _, many = questions(count=6000)
    for limit in (800, 5):
        widths = []
        for asked in (few, many):
            fitted = fit(analyse(asked).fit.data, Options(dense_limit=limit))
            table = utilities(fitted, rng=np.random.default_rng(0))
            widths.append((table["rank_high"] - table["rank_low"]).mean())
        assert widths[1] < 0.5 * widths[0]
