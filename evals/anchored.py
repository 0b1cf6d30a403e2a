"""Stated ratings on 1 to 5 with anchors.

`inspect eval evals/anchored.py` runs all three tasks; name one with `@`:

    inspect eval evals/anchored.py@anchored_precise_1_5 --model sim/faithful -T seeds=4
"""

from typing import Any

from inspect_ai import Task, task

from evals.building import rating_task


@task
def anchored_1_5(**options: Any) -> Task:
    """1 to 5 with both ends anchored. Options: `harness.measuring.options.RatingOptions`."""
    return rating_task("anchored_1_5", options, task="anchored_1_5")


@task
def anchored_precise_1_5(**options: Any) -> Task:
    """1 to 5 with every level anchored. Options: `harness.measuring.options.RatingOptions`."""
    return rating_task("anchored_precise_1_5", options, task="anchored_precise_1_5")


@task
def compressed_anchors_1_5(**options: Any) -> Task:
    """1 to 5, anchors 2 and 4 softened. Options: `harness.measuring.options.RatingOptions`."""
    return rating_task("compressed_anchors_1_5", options, task="compressed_anchors_1_5")
