"""Stated ratings in words and on Likert scales.

`inspect eval evals/likert.py` runs all four tasks; name one with `@`:

    inspect eval evals/likert.py@likert_agreement --model sim/faithful -T seeds=4
"""

from typing import Any

from inspect_ai import Task, task

from evals.building import rating_task


@task
def likert_agreement(**options: Any) -> Task:
    """Agreement that it enjoyed it, 1–5. Options: `harness.measuring.options.RatingOptions`."""
    return rating_task("likert_agreement", options, task="likert_agreement")


@task
def likert_qualitative(**options: Any) -> Task:
    """Very negative to very positive. Options: `harness.measuring.options.RatingOptions`."""
    return rating_task("likert_qualitative", options, task="likert_qualitative")


@task
def qualitative_binary(**options: Any) -> Task:
    """Bad or good. Options: `harness.measuring.options.RatingOptions`."""
    return rating_task("qualitative_binary", options, task="qualitative_binary")


@task
def qualitative_ternary(**options: Any) -> Task:
    """Bad, neutral or good. Options: `harness.measuring.options.RatingOptions`."""
    return rating_task("qualitative_ternary", options, task="qualitative_ternary")


@task
def yes_no(**options: Any) -> Task:
    """Would it take the task? Asked before. Options: `harness.measuring.options.RatingOptions`."""
    return rating_task("yes_no", options, task="yes_no")
