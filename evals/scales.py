"""Stated ratings on other scales.

`inspect eval evals/scales.py` runs all five tasks; name one with `@`:

    inspect eval evals/scales.py@stated_1_5 --model sim/faithful -T seeds=4
"""

from typing import Any

from inspect_ai import Task, task

from evals.building import rating_task


@task
def stated_1_5(**options: Any) -> Task:
    """1 to 5 without anchors. Options: `harness.measuring.options.RatingOptions`."""
    return rating_task("stated_1_5", options, task="stated_1_5")


@task
def ban_four_1_5(**options: Any) -> Task:
    """1 to 5 with 4 forbidden. Options: `harness.measuring.options.RatingOptions`."""
    return rating_task("ban_four_1_5", options, task="ban_four_1_5")


@task
def random_scale_27_32(**options: Any) -> Task:
    """27 to 32, neutral at 30. Options: `harness.measuring.options.RatingOptions`."""
    return rating_task("random_scale_27_32", options, task="random_scale_27_32")


@task
def bipolar_neg5_pos5(**options: Any) -> Task:
    """−5 to 5, 0 neutral. Options: `harness.measuring.options.RatingOptions`."""
    return rating_task("bipolar_neg5_pos5", options, task="bipolar_neg5_pos5")


@task
def percentile_1_100(**options: Any) -> Task:
    """1 to 100 among tasks of its kind. Options: `harness.measuring.options.RatingOptions`."""
    return rating_task("percentile_1_100", options, task="percentile_1_100")
