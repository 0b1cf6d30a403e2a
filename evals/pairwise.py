"""Choices between two items, position balanced.

inspect eval evals/pairwise.py --model sim/faithful -T template=enjoy_most -T pairs=regular:5
"""

from typing import Any

from inspect_ai import Task, task

from evals.building import choice_task


@task
def pairwise(template: str = "simple_preference", **options: Any) -> Task:
    """Choose between two items. Other options: `harness.measuring.options.ChoiceOptions`."""
    return choice_task(template, options, task="pairwise")
