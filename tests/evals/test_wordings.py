"""Wordings and contexts from the option to the fit, with planted item × wording and × context."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from inspect_ai.log import EvalLog

from harness.items.builtin import builtin_items
from harness.records.logs import read_records
from harness.respondent.settings import settings_for
from harness.respondent.utility import utility
from harness.stats.facets.components import rating_components
from harness.stats.facets.universe import over_records

RunEval = Callable[..., EvalLog]


@pytest.mark.parametrize(
    ("wording_sd", "each"),
    [(0.5, 40), (0.5, 80), (0.8, 40), (0.8, 80), (1.5, 40), (1.5, 80)],
)
def test_choices_whole_chain(run_eval: RunEval, wording_sd: float, each: int) -> None:
    """Planted item × wording goes through prompt, answer, log and fit and is found again; the
    utilities over wordings are those that were planted."""
    planted = {"wording_sd": wording_sd, "misfit": 0}
    log = run_eval(
        "pairwise.py",
        model_args=planted,
        task_args={
            "timing": "pre",
            "per_origin": 9,
            "wordings": 4,
            "pairs": "regular:40",
            "seeds": each // 40,
            "orders": "balanced",
            "block": 200,
        },
    )
    assert log.status == "success"
    records = read_records([log.location]).frame
    assert records["wording"].n_unique() == 4
    assert records["template_hash"].n_unique() == 1
    found = over_records(records, ["wording"])
    settings = settings_for("faithful", planted)
    texts = {item.id: item.text for item in builtin_items()}
    truth = np.array([utility(texts[name], settings) for name in found.table["item"]])
    truth -= truth.mean()
    away = np.abs(found.table["utility"].to_numpy() - truth)
    assert (away < 1.96 * found.table["se"].to_numpy()).mean() > 0.84
    share = next(one for one in found.shares if one.source == "item × wording")
    planted_share = wording_sd**2 / (wording_sd**2 + float(truth.var()) + 1 + 0.3**2 / 2)
    assert share.low / 1.2 < planted_share < 1.2 * share.high


def test_two_facets_and_orders(run_eval: RunEval) -> None:
    """Wordings and contexts are both in the record, and the planted context's sd is found."""
    log = run_eval(
        "pairwise.py",
        model_args={"context_sd": 1.0, "misfit": 0},
        task_args={
            "timing": "pre",
            "per_origin": 6,
            "wordings": 2,
            "contexts": 3,
            "pairs": "all",
            "block": 200,
        },
    )
    assert log.status == "success"
    records = read_records([log.location]).frame
    assert records.select("wording", "context").n_unique() == 6
    sds = over_records(records, ["wording", "context"]).summary["sd"]
    assert sds["context"] == pytest.approx(1.0, rel=0.35)
    assert sds["wording"] < 0.4


def test_ratings_whole_chain(run_eval: RunEval) -> None:
    """Ratings under four wordings, two repeats each: all of an item's repeats meet each wording
    equally often, and item × wording is found."""
    log = run_eval(
        "anchored.py@anchored_precise_1_5",
        model_args={"wording_sd": 1.0, "rating_noise": 0.4},
        task_args={"per_origin": 12, "wordings": 4, "seeds": 8, "block": 100},
    )
    assert log.status == "success"
    records = read_records([log.location]).frame
    counts = records.group_by("item", "wording").len()
    assert (counts["len"] == 2).all() and counts.height == 60 * 4
    shares = {share.source: share for share in rating_components(records, None).shares}
    assert shares["item × wording"].found
    ratio = shares["item × wording"].variance / shares["item"].variance
    assert ratio == pytest.approx(1.0 / 2.25, rel=0.6)


def test_resumed_with_other_wordings_is_another_run(run_eval: RunEval) -> None:
    """What was drawn is among the run's ingredients, so that a resumed run asks the same."""
    given = {"timing": "pre", "per_origin": 2, "wordings": 2, "pairs": "regular:2"}
    one, same, other = (
        run_eval("pairwise.py", task_args={**given, "sample_seed": seed}, folder=folder)
        for seed, folder in ((0, "a"), (0, "b"), (3, "c"))
    )
    told = [log.eval.metadata["ingredients"] for log in (one, same, other) if log.eval.metadata]
    assert told[0] == told[1]
    assert told[0]["wordings and contexts"] != told[2]["wordings and contexts"]


def test_without_options_null(run_eval: RunEval) -> None:
    """Without the options records have neither wording nor context."""
    log = run_eval("pairwise.py", task_args={"timing": "pre", "per_origin": 1})
    assert log.status == "success"
    frame = read_records([log.location]).frame
    assert frame.select(pl.col("wording", "context").is_null().all()).row(0) == (True, True)
