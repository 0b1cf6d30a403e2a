"""Position and content effects, pair classes, and the probit estimate."""

import math

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr

from harness.errors import UsageError
from harness.stats.choices.orders import answered_choices, both_orders
from harness.stats.choices.position import (
    expected_from_position,
    first_choice_rate,
    flip_rate,
    pair_classes,
    position_by_item,
    position_by_origin,
    position_content,
)
from harness.stats.choices.position_effect import position_effect
from harness.stats.intervals import Bootstrap

BOOT = Bootstrap(resamples=200)
COLUMNS = ("item_first", "item_second", "choice")


def choices(rows: list[tuple[str, str, str]]) -> pl.DataFrame:
    """Choice records; a choice that is neither first nor second is an outcome."""
    table = pl.DataFrame(rows, schema=COLUMNS, orient="row")
    answered = pl.col("choice").is_in(["first", "second"])
    return table.with_columns(
        outcome=pl.when(answered).then(pl.lit("answered")).otherwise(pl.col("choice")),
        choice=pl.when(answered).then(pl.col("choice")),
        origin_first=pl.col("item_first").str.head(1),
        origin_second=pl.col("item_second").str.head(1),
    )


def planted(
    seed: int, *, beta: float, pairs: int = 1000, misfit: float = 0.5, seeds: int = 1
) -> pl.DataFrame:
    """Pairs asked in both orders by a respondent with β and a fixed idiosyncrasy a pair."""
    rng = np.random.default_rng(seed)
    utility = np.repeat([-0.6, -0.2, 0.4, 0.2, -1.2], 40) + 1.5 * rng.normal(size=200)
    names = [f"{'mawsb'[i // 40]}{i:03d}" for i in range(200)]
    rows = []
    for _ in range(pairs):
        i, j = rng.choice(200, size=2, replace=False)
        gap = utility[i] - utility[j] + misfit * rng.normal()
        for first, second, sign in ((i, j, 1), (j, i, -1)):
            p = ndtr((sign * gap + beta) / math.sqrt(2))
            for _ in range(seeds):
                choice = "first" if rng.random() < p else "second"
                rows.append((names[first], names[second], choice))
    return choices(rows)


def test_swapping_the_order_flips_position_and_keeps_preference() -> None:
    """Showing every pair the other way round negates position and leaves content as it is."""
    table = planted(0, beta=-0.8, pairs=200)
    other = table.rename(
        {
            "item_first": "item_second",
            "item_second": "item_first",
            "origin_first": "origin_second",
            "origin_second": "origin_first",
        }
    )
    other = other.with_columns(
        choice=pl.col("choice").replace({"first": "second", "second": "first"})
    )
    one, two = (position_content(part, bootstrap=BOOT) for part in (table, other))
    assert one["position"].estimate == pytest.approx(-two["position"].estimate)
    assert one["position_effect"].estimate == pytest.approx(
        -two["position_effect"].estimate, abs=1e-3
    )
    assert one["robust"] == two["robust"]
    np.testing.assert_allclose(
        position_by_item(table)["content"], position_by_item(other)["content"]
    )


def test_planted_position_effect_is_covered() -> None:
    """At 1 000 pairs β is covered in ≥ 18 of 20 runs, within ±.15, with pair misfit .5."""
    covered, widths = 0, []
    for seed in range(20):
        found = position_effect(both_orders(planted(seed, beta=-0.8)))
        covered += found.position.low <= -0.8 <= found.position.high
        widths.append((found.position.high - found.position.low) / 2)
    assert covered >= 18
    assert max(widths) <= 0.15


def test_no_attenuation_with_repeats_and_probabilities() -> None:
    """Several answers an order, or their exact probabilities, estimate the same β."""
    found = position_effect(both_orders(planted(1, beta=0.6, pairs=600, seeds=3)))
    assert found.position.estimate == pytest.approx(0.6, abs=0.1)
    rng = np.random.default_rng(2)
    gap = 2 * rng.normal(size=400)
    rows = pl.DataFrame(
        {
            "item_first": [f"a{i}" for i in range(400)] + [f"b{i}" for i in range(400)],
            "item_second": [f"b{i}" for i in range(400)] + [f"a{i}" for i in range(400)],
            "p_first": np.concatenate([ndtr((gap + 0.6) / 2**0.5), ndtr((0.6 - gap) / 2**0.5)]),
        }
    ).with_columns(
        outcome=pl.lit("answered"), choice=pl.lit(None, pl.String), readout=pl.lit("logprobs")
    )
    exact = position_effect(both_orders(rows))
    assert exact.position.estimate == pytest.approx(0.6, abs=1e-6)
    assert exact.content_sd.estimate == pytest.approx(np.std(gap), rel=1e-6)


@pytest.mark.parametrize("choice", ["first", "second"])
def test_always_one_place_is_finite(choice: str) -> None:
    """A respondent that always takes one place has a large, finite β with an interval."""
    rows = [(a, b, choice) for i in range(50) for a, b in ((f"x{i}", "y"), ("y", f"x{i}"))]
    found = position_content(choices(rows), bootstrap=BOOT)
    beta = found["position_effect"]
    sign = 1 if choice == "first" else -1
    assert 1 < sign * beta.estimate < 20
    assert math.isfinite(beta.low)
    assert beta.low < beta.estimate < beta.high
    assert found["first_choice_rate"].estimate == (choice == "first")
    assert found["flip_rate"].estimate == 1
    assert found["fragile"].estimate == 1


def test_one_order_alone_says_nothing_of_position() -> None:
    """Fault 8: a pair asked in one order enters no position effect; it is counted."""
    rows = [("a", f"b{i}", "first") for i in range(20)]
    found = position_content(choices(rows), bootstrap=BOOT)
    assert math.isnan(found["position"].estimate)
    assert math.isnan(found["position_effect"].estimate)
    assert found["position"].undefined == 20
    assert "order is not balanced" in found["first_choice_rate"].note


def test_content_stays_out_of_position() -> None:
    """Fault 8: sure preferences in both orders give position 0, whatever order came first."""
    rows = [row for i in range(30)
            for row in ((f"a{i}", f"b{i}", "first"), (f"b{i}", f"a{i}", "second"))]  # fmt: skip
    found = position_content(choices(rows), bootstrap=BOOT)
    assert found["position"].estimate == 0
    assert found["position_effect"].estimate == pytest.approx(0, abs=1e-3)
    assert found["robust"].estimate == 1
    assert found["first_choice_rate"].note == ""


def test_only_first_and_second_count() -> None:
    """Fault 7: refused, invalid and failed choices are no wins, for either item."""
    table = choices(
        [("a", "b", "first"), ("a", "b", "refused"), ("b", "a", "invalid"), ("b", "a", "failed")]
    )
    assert len(answered_choices(table)) == 1
    assert first_choice_rate(table).estimate == 1
    assert len(both_orders(table)) == 0


def test_an_unanswered_record_with_a_choice_is_left_out() -> None:
    """Fault 7: the outcome decides, even where a choice is filled in."""
    table = choices([("a", "b", "first")] * 2).with_columns(
        outcome=pl.Series(["refused", "answered"])
    )
    assert len(answered_choices(table)) == 1


def test_classes_of_pairs() -> None:
    """Same item both ways: robust; each order its own: fragile; neither: indifferent."""
    rows = [("a", "b", "first"), ("b", "a", "second")]
    rows += [("c", "d", "first"), ("d", "c", "first")]
    rows += [("e", "f", c) for c in ("first", "second")]
    rows += [("f", "e", c) for c in ("first", "second")]
    rows += [("g", "h", c) for c in ("first", "first")]
    rows += [("h", "g", c) for c in ("first", "second")]
    table, shares = pair_classes(both_orders(choices(rows)))
    assert table["class"].to_list() == ["robust", "fragile", "indifferent", "fragile"]
    assert {name: share.estimate for name, share in shares.items()} == {
        "robust": 0.25,
        "fragile": 0.5,
        "indifferent": 0.25,
    }
    assert shares["robust"].n == 4


def test_a_margin_moves_pairs_to_indifferent() -> None:
    """With a margin of .3, win rates of .75 prefer nothing."""
    rows = [("a", "b", c) for c in ("first", "first", "first", "second")]
    rows += [("b", "a", c) for c in ("second", "second", "second", "first")]
    pairs = both_orders(choices(rows))
    assert pair_classes(pairs)[0]["class"].to_list() == ["robust"]
    assert pair_classes(pairs, margin=0.3)[0]["class"].to_list() == ["indifferent"]


def test_flip_rate_of_coin_tosses_is_a_half() -> None:
    """Without preference or position half of all pairs flip."""
    rng = np.random.default_rng(3)
    rows = []
    for i in range(2000):
        for a, b in ((f"a{i}", f"b{i}"), (f"b{i}", f"a{i}")):
            rows.append((a, b, "first" if rng.random() < 0.5 else "second"))
    found = flip_rate(both_orders(choices(rows)))
    assert found.low <= 0.5 <= found.high
    assert found.high - found.low < 0.05


def test_by_origin_pair_finds_the_planted_difference() -> None:
    """Content effects of origin pairs cover planted mean differences; within an origin none."""
    table = position_by_origin(planted(4, beta=-0.5, pairs=1500), bootstrap=BOOT)
    effect = table.filter(pl.col("quantity") == "content_effect").rows_by_key(
        ["origin_1", "origin_2"], named=True, unique=True
    )
    means = dict(zip("mawsb", (-0.6, -0.2, 0.4, 0.2, -1.2), strict=True))
    inside = 0
    for (one, two), row in effect.items():
        if one == two:
            assert math.isnan(row["estimate"])
        else:
            # Origins of 40 items have means of their own, ± 1.5/√40 each.
            slack = 3 * 1.5 * math.sqrt(2 / 40)
            inside += abs(row["estimate"] - (means[one] - means[two])) < slack
    assert inside == 10
    position = table.filter(pl.col("quantity") == "position_effect")
    covered = ((position["low"] <= -0.5) & (position["high"] >= -0.5)).sum()
    assert covered >= 13
    assert position["n"].sum() == len(both_orders(planted(4, beta=-0.5, pairs=1500)))


def test_win_rate_expected_from_the_position_mix() -> None:
    """An item always shown first, by a respondent that likes the first, is expected to win so."""
    rows = [("x1", f"y{i}", "first" if i < 7 else "second") for i in range(10)]
    table = expected_from_position(choices(rows)).sort("origin")
    assert table["rate"].to_list() == pytest.approx([0.7, 0.3])
    assert table["expected"].to_list() == pytest.approx([0.7, 0.3])
    assert table["shown_first"].to_list() == [1, 0]
    by_item = expected_from_position(choices(rows), by="item")
    assert len(by_item) == 11


def test_two_raters_are_not_pooled() -> None:
    """Position statistics refuse records of two raters."""
    table = choices([("a", "b", "first"), ("b", "a", "first")]).with_columns(
        rater=pl.Series(["x", "y"])
    )
    for function in (first_choice_rate, position_by_item, expected_from_position):
        with pytest.raises(UsageError, match="rater: 'x', 'y'"):
            function(table)
    with pytest.raises(UsageError, match="rater"):
        position_content(table, bootstrap=BOOT)


@pytest.mark.parametrize(("beta", "spread"), [(0.0, 0.0), (-2.0, 0.0), (-0.5, 1.5)])
def test_limits_of_the_spread_of_content_hold(beta: float, spread: float) -> None:
    """The interval of s holds the planted spread, begins at 0 where there is none, and ends near
    it: 120 pairs with two answers an order know s to a factor of three."""
    held = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        rows = []
        for pair in range(120):
            gap = spread * rng.standard_normal()
            for first, second, sign in (("a", "b", 1), ("b", "a", -1)):
                for _ in range(2):
                    won = rng.random() < ndtr((sign * gap + beta) / math.sqrt(2))
                    rows.append((f"{first}{pair}", f"{second}{pair}", "first" if won else "second"))
        found = position_effect(both_orders(choices(rows))).content_sd
        held += found.low <= spread <= found.high
        assert found.high < max(3 * spread, 3)
        assert found.low < found.estimate < found.high
        if not spread:
            assert found.low < 0.6
    assert held >= 5
