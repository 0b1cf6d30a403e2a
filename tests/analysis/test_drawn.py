"""Wordings and contexts that a design drew: one cell that says how many, fitted over them."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr

from harness.analysis.cells import Cell, cells, count_cells, declared_levels
from harness.analysis.choices import choice_cells
from harness.analysis.ratings import rating_cells
from harness.analysis.utilities import utility_cells
from harness.prompts.catalogue import RATINGS
from harness.records.logs import LogRecords
from harness.records.record import Record, frame
from harness.stats.facets.universe import over_records
from harness.stats.intervals import Bootstrap
from harness.studies.overview import analysed_records, overview

NONE = Bootstrap(resamples=0)
ITEMS = 16


def choices(seed: int = 0, wording_sd: float = 1.0, **fields: object) -> pl.DataFrame:
    """Every pair in both orders under each of four wordings, in contexts by turn."""
    rng = np.random.default_rng(seed)
    mu, own = rng.normal(0, 1.5, ITEMS), rng.normal(0, wording_sd, (ITEMS, 4))
    facts = {
        "kind": "choice",
        "template": "simple_preference",
        "template_hash": "h",
        "prompt_hash": "p",
        "timing": "pre",
        "response": "plain",
        "readout": "sample",
        "labels": "A,B",
        "rater": "sim/one",
        "outcome": "answered",
    }
    found = []
    for f in range(ITEMS):
        for s in range(ITEMS):
            w = (f + s) % 4
            if f == s:
                continue
            gap = mu[f] + own[f, w] - mu[s] - own[s, w] - 0.3
            won = rng.random() < ndtr(gap / np.sqrt(2))
            told = facts | {
                "item_first": f"i{f:02}",
                "item_second": f"i{s:02}",
                "origin_first": "math" if f % 2 else "alpaca",
                "origin_second": "math" if s % 2 else "alpaca",
                "wording": f"p{w}@{w}0",
                "choice": "first" if won else "second",
            }
            found.append(Record(**told | fields))  # type: ignore[arg-type]
    return frame(found)


def one(table: pl.DataFrame, kind: str = "choice") -> Cell:
    [cell] = cells(table, kind)
    return cell


def test_one_cell_that_says_so() -> None:
    """Four wordings are one cell, named by how many they are; each record keeps its own."""
    cell = one(choices())
    assert cell.variant == "4 wordings"
    assert cell.key["wording"] == "4 wordings" and cell.over == ("wording",)
    assert cell.asked["wording"].n_unique() == 4
    assert cell.asked.height == cell.frame.height == ITEMS * (ITEMS - 1)


def test_never_mixed_silently() -> None:
    """What was asked without drawing, of another template's hash, or read off a model stays apart
    from what was drawn, and a single wording goes by its name."""
    plain = choices(wording=None)
    assert [c.variant for c in cells(pl.concat([choices(), plain]), "choice")] == ["", "4 wordings"]
    other = choices(template_hash="other")
    told = cells(pl.concat([choices(), other]), "choice")
    assert len(told) == 2 and all("4 wordings" in cell.variant for cell in told)
    assert len({cell.name for cell in told}) == 2
    soft = choices(readout="logprobs", p_first=0.4)
    assert len(cells(soft, "choice")) == 4
    single = choices().filter(pl.col("wording") == "p1@10")
    assert one(single).variant == "wording p1@10" and not one(single).over


def test_two_facets() -> None:
    """Wordings and contexts together are one cell over both."""
    table = choices().with_columns(
        context=pl.concat_str(pl.lit("c"), pl.int_range(pl.len()) % 3, pl.lit("@0"))
    )
    cell = one(table)
    assert cell.over == ("wording", "context") and cell.variant == "4 wordings, 3 contexts"


def test_utilities_over_wordings() -> None:
    """A cell's utilities, intervals and means of origins are the joint fit's, wider than those of
    the wordings taken for one, and its note names the wordings and their share."""
    table = choices()
    [fit], notes = utility_cells([one(table)], bootstrap=NONE, traces={})
    assert not notes
    joint = over_records(table, ["wording"])
    told = dict(joint.table.select("item", "utility").rows())
    assert fit.items["utility"].to_list() == pytest.approx([told[i] for i in fit.items["item"]])
    pooled = fit.analysis.fit.posterior.variances(np.random.default_rng(0))
    assert (fit.items["se"] ** 2).mean() > 1.3 * pooled.mean()
    assert fit.analysis.summary["over"] == {"wording": [f"p{w}@{w}0" for w in range(4)]}
    assert "4 wordings" in fit.analysis.summary["notes"][0]
    assert "item × wording" in fit.analysis.summary["notes"][0]
    math = [told[item] for item in told if int(item[1:]) % 2]
    assert fit.means["math"].estimate == pytest.approx(np.mean(math))
    here = fit.means["math"].high - fit.means["math"].low
    assert here > 2 * 1.96 * 0.9 * np.sqrt(joint.fit.variances[1] / 4 / ITEMS)
    summary = fit.analysis.summary
    low, at, high = (summary[f"position_effect{end}"] for end in ("_low", "", "_high"))
    assert low < at < high and abs(at + 0.3) < 2 * (at - low)


def test_ratings_of_one_template() -> None:
    """Ratings under several wordings are one cell with the template's own levels."""
    known = RATINGS["stated_1_5"]
    rng = np.random.default_rng(0)
    records = [
        Record(
            kind="rating",
            template="stated_1_5",
            template_hash=known.asked_hash("post"),
            prompt_hash="p",
            timing="post",
            response="plain",
            readout="sample",
            labels=",".join(known.labels),
            rater="sim/one",
            outcome="answered",
            item=f"i{i}",
            origin="math",
            repeat=r,
            wording=f"p{r}@{r}0",
            answer=(level := known.levels[int(rng.integers(5))]).label,
            value=level.value,
            normalised=known.normalised(level.value),
        )
        for i in range(10)
        for r in range(4)
    ]
    cell = one(frame(records), "rating")
    assert cell.variant == "4 wordings"
    levels = declared_levels(cell)
    assert levels is not None and levels.values == (1, 2, 3, 4, 5) and not levels.note
    [found] = rating_cells([cell], bootstrap=NONE)
    assert found.answers == 40 and found.quantities["icc"].n == 10


def test_page() -> None:
    """The whole page of a run over wordings has one row a table, and pairs of both orders."""
    table = choices()
    [found] = choice_cells([one(table)], bootstrap=NONE)
    assert found.pairs.height == ITEMS * (ITEMS - 1) // 2
    read = LogRecords(table)
    whole = analysed_records(read, bootstrap=NONE)
    report = overview(read, name="x", day=date(2026, 1, 2), found=whole)
    assert [row["variant"] for t in report.findings for row in t.rows] == ["4 wordings"] * 2


def test_records_are_held_once_where_nothing_was_drawn() -> None:
    """A cell's records as asked are those pooled, in the same memory, unless wordings were pooled;
    and cells are counted without being made."""
    plain = choices().with_columns(wording=pl.lit(None, pl.String))
    mixed = pl.concat([plain, choices(rater="sim/two")])
    one, two = cells(mixed, "choice")
    assert one.asked is one.frame
    assert two.asked["wording"].n_unique() == 4
    assert two.frame["wording"].n_unique() == 1
    assert [count_cells(mixed, kind) for kind in ("choice", "rating")] == [2, 0]
