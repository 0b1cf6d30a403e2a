"""Planted record tables for the tests of the report."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from harness.prompts.catalogue import RATINGS
from harness.records.record import Record, frame

ORIGINS = ("alpaca", "bailbench", "math")


def ratings(
    rater: str = "sim/one",
    template: str = "anchored_precise_1_5",
    *,
    items: int = 12,
    repeats: int = 3,
    seed: int = 0,
    level: int | None = None,
    invalid: float = 0.0,
    item_name: Callable[[int], str] = lambda index: f"item_{index:03}",
    **fields: Any,
) -> list[Record]:
    """Ratings with a level of each item's own, or all at `level`; a share of them invalid."""
    rng = np.random.default_rng(seed)
    known = RATINGS[template]
    records = []
    for index in range(items):
        own = rng.integers(len(known.levels))
        for repeat in range(repeats):
            at = own if level is None else level
            if rng.random() < 0.3:
                at = int(np.clip(at + rng.integers(-1, 2), 0, len(known.levels) - 1))
            lost = rng.random() < invalid
            value = known.levels[at].value
            facts: dict[str, Any] = {
                "template_hash": known.hash,
                "timing": "post",
                "response": "plain",
                "readout": "sample",
                "labels": ",".join(known.labels),
                "log": "run.eval",
            }
            records.append(
                Record(
                    **facts | fields,
                    kind="rating",
                    template=template,
                    prompt_hash=f"p{index}",
                    rater=rater,
                    outcome="invalid" if lost else "answered",
                    item=item_name(index),
                    origin=ORIGINS[index % len(ORIGINS)],
                    repeat=repeat,
                    answer=None if lost else known.levels[at].label,
                    value=None if lost else value,
                    normalised=None if lost else known.normalised(value),
                )
            )
    return records


def choices(
    rater: str = "sim/one",
    *,
    items: int = 10,
    beta: float = -0.5,
    both: bool = True,
    refused: float = 0.0,
    seed: int = 0,
    item_name: Callable[[int], str] = lambda index: f"item_{index:03}",
    **fields: Any,
) -> list[Record]:
    """Choices between all pairs of items of falling utility, in both orders or the first only."""
    rng = np.random.default_rng(seed)
    utility = np.linspace(1.5, -1.5, items)
    facts: dict[str, Any] = {
        "template": "simple_preference",
        "template_hash": "h",
        "timing": "post",
        "response": "plain",
        "readout": "sample",
        "labels": "A,B",
        "log": "pairs.eval",
    }
    records = []
    pairs = [(i, j) for i in range(items) for j in range(i + 1, items)]
    for first, second in [*pairs, *((j, i) for i, j in pairs if both)]:
        gap = utility[first] - utility[second] + beta
        wins = rng.normal() < gap / np.sqrt(2)
        lost = rng.random() < refused
        records.append(
            Record(
                **facts | fields,
                kind="choice",
                prompt_hash=f"p{first}-{second}",
                rater=rater,
                outcome="refused" if lost else "answered",
                item_first=item_name(first),
                item_second=item_name(second),
                origin_first=ORIGINS[first % len(ORIGINS)],
                origin_second=ORIGINS[second % len(ORIGINS)],
                answer=None if lost else "A" if wins else "B",
                choice=None if lost else "first" if wins else "second",
                completion_refused_first=first >= items - 3,
                completion_refused_second=second >= items - 3,
            )
        )
    return records


@pytest.fixture
def make_ratings() -> Callable[..., list[Record]]:
    """The generator of planted ratings."""
    return ratings


@pytest.fixture
def make_choices() -> Callable[..., list[Record]]:
    """The generator of planted choices."""
    return choices


@pytest.fixture(scope="session")
def mixed() -> pl.DataFrame:
    """Two raters × two templates of ratings; of one, choices both ways with some refusals."""
    records = choices("sim/two", items=8, refused=0.1)
    for seed, rater in enumerate(("sim/one", "sim/two")):
        for template in ("anchored_precise_1_5", "fruit_qualitative"):
            records += ratings(rater, template, seed=seed)
    return frame(records)
