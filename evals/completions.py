"""Completions of items, to be measured by any number of later runs (`-T completions=LOG`).

inspect eval evals/completions.py --model sim/faithful -T completion_sysprompt=loves_math
"""

from typing import Any

from inspect_ai import Task, task

from evals.building import completion_task


@task
def completions(**options: Any) -> Task:
    """Complete every item once. Options: `harness.measuring.options.CompletionOptions`."""
    return completion_task(options, task="completions")
