"""Stated ratings in any template: one of the catalogue, or a TOML file of your own.

inspect eval evals/rating.py --model sim/faithful -T template=my_scale.toml
"""

from typing import Any

from inspect_ai import Task, task

from evals.building import rating_task


@task
def rating(template: str = "anchored_precise_1_5", **options: Any) -> Task:
    """Rate items in `template`. Other options: `harness.measuring.options.RatingOptions`."""
    return rating_task(template, options, task="rating")
