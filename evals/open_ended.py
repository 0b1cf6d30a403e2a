"""Open questions about an attitude, scored by what attitude speaks from the answers.

inspect eval evals/open_ended.py --model sim/faithful --model-role judge=sim/judge -T seeds=4
"""

from typing import Any

from inspect_ai import Task, task

from evals.building import open_task


@task
def open_ended(**options: Any) -> Task:
    """Ask five open questions about `topic`. Options: `harness.measuring.options.OpenOptions`."""
    return open_task(options, task="open_ended")
