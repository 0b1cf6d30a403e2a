"""Planted truth is found again through prompt, reply, parse, log and statistics."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from inspect_ai.log import EvalLog
from scipy.stats import norm, spearmanr

from harness.items.builtin import builtin_items
from harness.records.logs import read_records
from harness.respondent.settings import settings_for
from harness.respondent.utility import utility
from harness.stats.choices.position import position_content
from harness.stats.intervals import Bootstrap

RunEval = Callable[..., EvalLog]
BLOCK = {"block": 50}


def table(log: EvalLog) -> pl.DataFrame:
    return read_records([Path(log.location.removeprefix("file://"))], cache=False).frame


def truth(name: str, planted: dict[str, Any]) -> dict[str, float]:
    settings = settings_for(name, planted)
    return {item.id: utility(item.text, settings) for item in builtin_items()}


@pytest.mark.parametrize(
    ("task", "planted"),
    [
        ("anchored.py@anchored_precise_1_5", {}),
        ("scales.py@percentile_1_100", {"utility_seed": 7, "mean_math": 0.9, "spread": 1.8}),
        ("fruit.py@fruit_rating", {"utility_seed": 3, "rating_noise": 0.4, "mean_bailbench": 0.5}),
    ],
)
def test_mean_rating_ranks_items_as_planted(
    run_eval: RunEval, task: str, planted: dict[str, Any]
) -> None:
    """Spearman of an item's mean rating with its planted utility is at least .95 at 4 seeds."""
    log = run_eval(task, task_args={**BLOCK, "seeds": 4}, model_args=planted)
    assert log.status == "success", log.error
    means = table(log).group_by("item").agg(pl.col("value").mean()).sort("item")
    known = truth("faithful", planted)
    assert len(means) == len(known) == 220
    rho = spearmanr(means["value"], [known[item] for item in means["item"]]).statistic
    assert rho >= 0.95


def test_position_effect_covers_the_planted_one(run_eval: RunEval) -> None:
    """95 % intervals at 1 000 pairs cover β in at least 17 of 20 runs and are within ± .15."""
    covered, widths = 0, []
    for run in range(20):
        beta = (-0.8, -0.45, 0.3)[run % 3]
        log = run_eval(
            "pairwise.py",
            "sim/position-biased",
            task_args={**BLOCK, "timing": "pre", "pairs": "random:1000", "sample_seed": run},
            model_args={"position_bias": beta, "utility_seed": run},
            folder=f"run{run}",
        )
        assert log.status == "success", log.error
        found = position_content(table(log), bootstrap=Bootstrap(resamples=0))["position_effect"]
        covered += found.low <= beta <= found.high
        widths.append((found.high - found.low) / 2)
    assert covered >= 17
    assert max(widths) <= 0.15


@pytest.mark.parametrize("planted", [{}, {"cluster": 0.7, "cluster_level": 3}])
def test_modal_share_is_the_planted_one(run_eval: RunEval, planted: dict[str, Any]) -> None:
    """The clusterer's modal share is the forced share and what the rest gives that level."""
    log = run_eval(
        "anchored.py@anchored_precise_1_5",
        "sim/clusterer",
        task_args={**BLOCK, "seeds": 4},
        model_args=planted,
    )
    settings = settings_for("clusterer", planted)
    level = 5 - settings.cluster_level
    edges = np.linspace(-2.4, 2.4, 6)[[level, level + 1]]
    natural = np.mean(
        [
            np.diff(norm.cdf((edges - mu) / settings.rating_noise))[0]
            for mu in truth("clusterer", planted).values()
        ]
    )
    expected = settings.cluster + (1 - settings.cluster) * natural
    assert log.results is not None
    share = log.results.scores[0].metrics["modal_share"].value
    assert abs(share - expected) < 3 * math.sqrt(expected * (1 - expected) / 880)


@pytest.mark.parametrize(
    ("model", "planted"),
    [
        ("sim/rambler", {}),
        ("sim/rambler", {"format_error": 0.3, "disclaim": 0.12}),
        ("sim/refuser", {}),
        ("sim/refuser", {"refusal_math": 0.4, "refusal_bailbench": 0.6}),
    ],
)
def test_outcome_rates_are_the_planted_ones(
    run_eval: RunEval, model: str, planted: dict[str, Any]
) -> None:
    """Refused, disclaimed and invalid come at the planted rate of each origin, ± 3 SE."""
    log = run_eval(
        "anchored.py@anchored_precise_1_5",
        model,
        task_args={**BLOCK, "seeds": 4},
        model_args=planted,
    )
    settings = settings_for(model.removeprefix("sim/"), planted)
    rows = table(log)
    for origin, part in rows.group_by("origin"):
        refusal = settings.refusal.get(str(origin[0]), 0.0)
        rates = {
            "refused": refusal,
            "disclaimed": settings.disclaim,
            "invalid": settings.format_error,
        }
        for outcome, rate in rates.items():
            seen = (part["outcome"] == outcome).sum() / len(part)
            error = math.sqrt(rate * (1 - rate) / len(part))
            assert abs(seen - rate) <= 3 * error + 1e-9, (origin, outcome, seen, rate)
    assert rows.filter(pl.col("outcome") != "answered")["value"].null_count() == len(
        rows.filter(pl.col("outcome") != "answered")
    )
