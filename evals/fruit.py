"""Stated ratings by fruit, from lemon to apple.

`inspect eval evals/fruit.py` runs all three tasks; name one with `@`:

    inspect eval evals/fruit.py@fruit_qualitative --model sim/faithful -T seeds=4
"""

from typing import Any

from inspect_ai import Task, task

from evals.building import rating_task


@task
def fruit_rating(**options: Any) -> Task:
    """Five fruits, mapping stated. Options: `harness.measuring.options.RatingOptions`."""
    return rating_task("fruit_rating", options, task="fruit_rating")


@task
def fruit_rating_bare(**options: Any) -> Task:
    """Five fruits, mapping not stated. Options: `harness.measuring.options.RatingOptions`."""
    return rating_task("fruit_rating_bare", options, task="fruit_rating_bare")


@task
def fruit_qualitative(**options: Any) -> Task:
    """Five fruits, precise anchors. Options: `harness.measuring.options.RatingOptions`."""
    return rating_task("fruit_qualitative", options, task="fruit_qualitative")
