"""Shares of variance of choices and ratings, designs and flips, against planted truth."""

import numpy as np
import polars as pl
import pytest

from benchmarks.wordings import Planted, choice_records, simulated
from harness.errors import UsageError
from harness.records.record import SCHEMA
from harness.stats.facets.columns import read_facets, varying
from harness.stats.facets.components import choice_components, rating_components
from harness.stats.facets.design import UtilityDesign, half_width, study
from harness.stats.facets.joint import joint_fit
from harness.stats.facets.rating_design import rating_study
from harness.stats.facets.rating_shares import rating_fit, rating_shares
from harness.stats.facets.universe import over_records


def ratings(
    seed: int, *, item: float = 0.2, wording: float = 0.1, noise: float = 0.1, items: int = 80
) -> pl.DataFrame:
    """Ratings of items under four wordings, two seeds each, sds as given."""
    rng = np.random.default_rng(seed)
    mu, own = rng.normal(0.5, item, items), rng.normal(0, wording, (items, 4))
    rows = [
        {
            "kind": "rating",
            "template": "t",
            "rater": "r",
            "outcome": "answered",
            "item": f"i{i}",
            "wording": f"w{w}@0",
            "repeat": k,
            "normalised": mu[i] + own[i, w] + 0.03 * w + noise * rng.normal(),
        }
        for i in range(items)
        for w in range(4)
        for k in range(2)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def choices(seed: int, plan: Planted) -> pl.DataFrame:
    """Choice records of a planted respondent."""
    return choice_records(simulated(plan, seed)[1])


def test_rating_shares() -> None:
    """Planted variances of ratings lie in their intervals in most data sets, and in the median."""
    true = np.array([0.04, 0.01, 0.01]) / 0.06
    found = [rating_shares(rating_fit(ratings(seed), ["wording"])) for seed in range(12)]
    held = [[s.low <= t <= s.high for s, t in zip(one, true, strict=True)] for one in found]
    assert np.mean(held) > 0.83
    median = np.median([[share.share for share in one] for one in found], axis=0)
    assert median == pytest.approx(true, rel=0.15)


def test_rating_none_found() -> None:
    """Without item × wording in ratings none is found, and the interval begins at 0."""
    found = [rating_shares(rating_fit(ratings(s, wording=0.0), ["wording"]))[1] for s in range(8)]
    assert sum(bool(share.found) for share in found) <= 1
    assert all(share.low == 0 < share.high for share in found if not share.found)


def test_ratings_need_repeats() -> None:
    """One rating under each wording does not tell noise from item × wording, and that is said."""
    once = ratings(0).filter(pl.col("repeat") == 0)
    with pytest.raises(UsageError, match="expected seeds=2"):
        rating_components(once, ["wording"])


def test_generalizability_of_ratings() -> None:
    """The coefficient is the squared correlation with the true value over wordings."""
    rng = np.random.default_rng(5)
    table = ratings(5, items=400)
    mu = rng.normal(0.5, 0.2, 400)
    means = table.group_by("item").agg(pl.col("normalised").mean())
    order = means["item"].str.slice(1).cast(pl.Int64).to_numpy()
    r = np.corrcoef(means["normalised"].to_numpy(), mu[order])[0, 1]
    estimate, low, high = rating_components(table, ["wording"]).generalizability
    assert estimate == pytest.approx(r**2, abs=0.03)
    assert low < r**2 < high


def test_rating_design() -> None:
    """A rating design's width is that of its formula, and the cheapest comes first."""
    designs = rating_study(0.1, items=50, facet=0.01, noise=0.02)
    assert [one.price for one in designs] == sorted(one.price for one in designs)
    assert all(one.half_width <= 0.1 for one in designs)
    assert 1 not in [one.levels for one in designs]
    best = designs[0]
    assert best.ratings == 50 * best.levels * best.seeds


@pytest.mark.parametrize(("levels", "each"), [(4, 40), (8, 48)])
def test_promised_width(levels: int, each: int) -> None:
    """The width that the design study promises is obtained to 15 %."""
    plan = Planted(items=80, wordings=levels, each=each)
    promised = half_width(
        UtilityDesign(items=80, levels=levels, each=each), item=2.25, facet=0.64, effect=-0.3
    )
    got = [1.96 * joint_fit(simulated(plan, s)[1], tests=False).se.mean() for s in range(3)]
    assert promised == pytest.approx(np.mean(got), rel=0.15)


def test_cheapest_design() -> None:
    """The first design is the cheapest that keeps the width, and one wording never gets there."""
    found = study(0.9, items=60, item=2.25, facet=0.64, levels=(1, 4, 8))
    assert found and all(one.half_width <= 0.9 for one in found)
    assert 1 not in [one.design.levels for one in found]
    assert found[0].price == min(one.price for one in found)


def test_over_records() -> None:
    """A record table gives the same utilities as the comparisons it holds."""
    plan = Planted(items=30, each=24)
    table = over_records(choices(0, plan), ["wording"]).table.sort("item")
    fitted = joint_fit(simulated(plan, 0)[1])
    direct = dict(zip(fitted.answers.data.items, fitted.utilities, strict=True))
    assert np.allclose(table["utility"], [direct[i] for i in table["item"]], atol=0.02)
    assert table["rank"].sort().to_list() == list(range(1, 31))


def test_flips() -> None:
    """Counted flips agree with the model's, and a change of wording turns more than a repeat."""
    rng = np.random.default_rng(2)
    plan = Planted(items=30, each=116, sd=1.0)
    found = choice_components(choices(int(rng.integers(9)), plan), ["wording"]).flips
    wording = next(one for one in found if one.source == "wording")
    assert wording.pairs > 300
    assert wording.counted == pytest.approx(wording.answers, abs=0.06)
    assert 0 < wording.preference_low < wording.preference < wording.preference_high


def test_flips_counted_by_hand() -> None:
    """Counted flips are of two answers to one pair in one order: of one wording for repeats, of two
    for the wording, each such pair of answers once."""
    table = choices(1, Planted(items=12, each=44, sd=1.5))
    again = table.sample(fraction=0.7, seed=0)
    turned = pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit("first")).otherwise("choice")
    table = pl.concat([table, again.with_columns(choice=turned)])
    rows = table.select("item_first", "item_second", "wording", "choice").rows()
    found = {True: [0, 0], False: [0, 0]}
    for k, one in enumerate(rows):
        for other in rows[:k]:
            if one[:2] == other[:2]:
                told = found[one[2] == other[2]]
                told[0] += one[3] != other[3]
                told[1] += 1
    for flip in choice_components(table, ["wording"]).flips:
        differ, pairs = found[flip.source == "repeat"]
        assert pairs > 50 and differ > 10 and flip.pairs == pairs
        assert flip.counted == pytest.approx(differ / pairs)


def test_facets_named() -> None:
    """A facet that there is not, twice one, and two that are one are refused by name."""
    for text, said in (
        ("wrding", "'wrding'"),
        ("wording,wording", "once"),
        ("wording,template", "one of them"),
    ):
        with pytest.raises(UsageError, match=said):
            read_facets(text)
    assert varying(ratings(0)) == ("wording",)


def test_one_level_refused() -> None:
    """A facet with one level is refused, and so are records that differ in more than the facets."""
    table = ratings(0)
    with pytest.raises(UsageError, match="one level"):
        rating_components(table, ["wording", "context"])
    mixed = table.with_columns(
        rater=pl.when(pl.col("repeat") == 0).then(pl.lit("x")).otherwise("rater")
    )
    with pytest.raises(UsageError, match="differ in rater"):
        rating_components(mixed, ["wording"])
