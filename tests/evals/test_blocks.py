"""Records do not depend on how questions are carried."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from inspect_ai.log import EvalLog

Records = Callable[[EvalLog], list[dict[str, Any]]]

HOW = {"sample_id", "latency", "log"}
"""Columns that say how a question was carried, not what was measured."""


def bare(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in HOW} for row in rows]


@pytest.mark.parametrize(
    ("task", "model", "args"),
    [
        ("anchored.py@anchored_precise_1_5", "sim/faithful", {}),
        ("fruit.py@fruit_qualitative", "sim/clusterer", {"seeds": 3}),
        ("pairwise.py", "sim/position-biased", {"pairs": "regular:3"}),
        ("pairwise.py", "sim/faithful", {"response": "reasoned", "orders": "balanced"}),
        ("likert.py@likert_qualitative", "sim/noisy", {"readout": "logprobs"}),
        ("pairwise.py", "sim/rambler", {"response": "tool", "pairs": "random:20"}),
        ("pairwise.py", "sim/refuser", {"response": "xml", "timing": "pre"}),
    ],
)
def test_records_are_the_same_whatever_the_block_size(
    run_eval: Callable[..., EvalLog], records: Records, task: str, model: str, args: dict[str, Any]
) -> None:
    """Blocks of 1, 7 and 25 give the same records, and every log ends with success."""
    found = []
    for block in (1, 7, 25):
        log = run_eval(
            task, model, task_args={"per_origin": 4, **args, "block": block}, folder=f"b{block}"
        )
        assert log.status == "success", log.error
        found.append(bare(records(log)))
    assert len(found[0]) >= 20
    assert found[0] == found[1] == found[2]


def test_epochs_and_seeds_are_the_same_repeats(
    run_eval: Callable[..., EvalLog], records: Records
) -> None:
    """`--epochs 4`, `-T seeds=4` and two of each give the same records and metrics."""
    found, metrics = [], []
    for epochs, seeds in ((4, 1), (1, 4), (2, 2)):
        log = run_eval(
            "anchored.py@anchored_1_5",
            task_args={"per_origin": 3, "seeds": seeds},
            epochs=epochs,
            folder=f"e{epochs}",
        )
        assert log.status == "success", log.error
        found.append(bare(records(log)))
        assert log.results is not None
        metrics.append(
            {name: metric.value for name, metric in log.results.scores[0].metrics.items()}
        )
    assert len(found[0]) == 60
    assert found[0] == found[1] == found[2]
    assert metrics[0] == metrics[1] == metrics[2]
    assert metrics[0]["questions"] == 60
    nats, share = metrics[0]["kl_uniform"], metrics[0]["kl_uniform_normalised"]
    assert nats == pytest.approx(share * math.log(5)) and share > 0
    assert "icc_1_1" in metrics[0]


def test_repeats_have_seeds_of_their_own(
    run_eval: Callable[..., EvalLog], records: Records
) -> None:
    """Repeat k is asked with seed base + k, and repeats of a noisy rater differ."""
    log = run_eval(
        "anchored.py@anchored_1_5", "sim/noisy", task_args={"per_origin": 5, "seeds": 4}, seed=100
    )
    rows = records(log)
    assert all(row["seed"] == 100 + row.get("repeat", 0) for row in rows)
    by_item: dict[str, list[float]] = {}
    for row in rows:
        by_item.setdefault(row["item"], []).append(row["value"])
    assert sum(len(set(values)) > 1 for values in by_item.values()) > 10
