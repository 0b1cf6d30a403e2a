"""Place and content are told apart, and pairs are drawn by origin."""

from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr

from harness.errors import UsageError
from harness.pairs.presentations import presentations
from harness.records.record import Record, frame
from harness.stats.intervals import Bootstrap
from harness.studies.catalogue import get_study
from harness.studies.parameters import read_parameters
from harness.studies.study import Found, Given


def choices(beta: float, spread: float, *, orders: int = 2, seed: int = 0) -> pl.DataFrame:
    """120 pairs of an easy and a hard item in `orders` orders, two answers each."""
    rng = np.random.default_rng(seed)
    rows = []
    for pair in range(120):
        gap = spread * (1 + 0.3 * rng.standard_normal())
        shown = [("easy", "hard", gap), ("hard", "easy", -gap)][:orders]
        for one, two, content in shown:
            for repeat in range(2):
                won = rng.random() < ndtr((content + beta) / np.sqrt(2))
                rows.append(
                    Record(
                        kind="choice", template="simple_preference", template_hash="h",
                        prompt_hash="p", timing="post", response="plain", readout="sample",
                        labels="A,B", rater="r", completer="r", outcome="answered",
                        item_first=f"{one} {pair}", item_second=f"{two} {pair}",
                        origin_first=one, origin_second=two, repeat=repeat, log="l",
                        choice="first" if won else "second",
                    )
                )  # fmt: skip
    return frame(rows)


def found(records: pl.DataFrame, **given: str) -> Found:
    study = get_study("position-bias")
    parameters = read_parameters(study, {"raters": ("sim/faithful",)} | given)
    return study.analyse(Given(records, parameters, Bootstrap(resamples=100)))


def places(records: pl.DataFrame) -> tuple[float, float]:
    table = next(one for one in found(records).sections[0].tables if one.name == "win_by_position")
    (row,) = table.rows
    assert (row["origin_1"], row["origin_2"], row["pairs"]) == ("easy", "hard", 120)
    return row["first"].estimate, row["second"].estimate


def test_place_parts_the_win_rates_and_content_moves_both() -> None:
    """β = −2 without preference wins second and never first; a preference without β wins both."""
    first, second = places(choices(-2, 0))
    assert first < 0.2 and second > 0.8
    assert first + second == pytest.approx(1, abs=0.1)
    first, second = places(choices(0, 2))
    assert first > 0.8 and second > 0.8


def test_pairs_that_all_agree_leave_an_interval() -> None:
    """A rate of 0 or 1 over a hundred pairs is not known to be 0 or 1."""
    table = next(
        one for one in found(choices(0, 40)).sections[0].tables if one.name == "win_by_position"
    )
    rate = table.rows[0]["first"]
    assert rate.estimate == 1
    assert 0.9 < rate.low < 1


def test_one_order_alone_is_refused() -> None:
    """Without both orders place and content are one number: nothing is said."""
    with pytest.raises(UsageError, match="both orders"):
        found(choices(-2, 0, orders=1))


def test_pairs_by_origin_hold_each_two_origins_as_often() -> None:
    """`origins:N` draws N different pairs of each two origins and within each, or all there are."""
    items = [f"{origin}{number}" for origin in "abc" for number in range(5)] + ["d0"]
    drawn = presentations(
        "origins:7", items, orders="first", seed=3, base=Path(), task="pairwise",
        origins=[item[0] for item in items],
    )  # fmt: skip
    pairs = [tuple(sorted(shown[0][:2])) for shown in drawn]
    assert len(set(pairs)) == len(pairs)
    counts = Counter((one[0], two[0]) for one, two in pairs)
    assert all(one != two for one, two in pairs)
    assert counts == {
        ("a", "a"): 7, ("b", "b"): 7, ("c", "c"): 7, ("a", "b"): 7, ("a", "c"): 7,
        ("b", "c"): 7, ("a", "d"): 5, ("b", "d"): 5, ("c", "d"): 5,
    }  # fmt: skip


def test_winners_of_a_campaign_win_again_by_content_or_by_place(tmp_path: Path) -> None:
    """By content the winner wins in either place; by place alone in that place or the other."""
    for beta, gap, low_same in ((0.0, 2.0, 0.7), (-2.0, 0.0, 0.0)):
        records = choices(beta, gap)
        path = tmp_path / f"{gap}.parquet"
        records.filter(pl.col("item_first").str.starts_with("easy")).write_parquet(path)
        tables = {one.name: one for one in found(records, source=str(path)).sections[0].tables}
        rows = {row["place"]: row for row in tables["won_again"].rows}
        second = rows["second"]
        if gap:
            assert rows["first"]["same"].estimate > low_same
            assert rows["first"]["other"].estimate > low_same
            # The hard item won there by chance: it is not what wins again.
            assert second["other"].estimate < 0.3
        else:
            assert second["same"].estimate > 0.8
            assert second["other"].estimate < 0.2
    assert "won_again" not in {one.name for one in found(choices(0, 2)).sections[0].tables}


def test_a_campaign_gives_pairs_and_no_rater() -> None:
    """`--from LOGS` draws pairs by winner; they are asked anew, so a rater is needed."""
    study = get_study("position-bias")
    given = {"source": "logs", "by_winner": 7}
    parameters = read_parameters(study, given | {"raters": ("sim/faithful",)})
    assert {cell.options["pairs"] for cell in study.design(parameters).cells} == {"won:7:logs"}
    with pytest.raises(UsageError, match="give --rater"):
        study.design(read_parameters(study, given))
