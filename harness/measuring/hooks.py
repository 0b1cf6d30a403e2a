"""What Inspect tells us of a run: a task starts (forecast, journal, what to be warned of) and ends
(counts)."""

from typing import Any

import msgspec
from inspect_ai.hooks import EvalSetStart, Hooks, TaskEnd, TaskStart, hooks
from inspect_ai.model import Model, get_model

from harness.measuring.beforehand import warnings_of
from harness.measuring.forecast import Forecast, PricedJudge, forecast_line
from harness.measuring.journal import journal_directory
from harness.measuring.judge import judge_models
from harness.measuring.locks import held_elsewhere, lock_path
from harness.measuring.money import price_of
from harness.measuring.session import task_ended, task_started
from harness.notices import fault, say

__all__ = ["RunHooks"]

_LONGEST = 500
"""Characters of a reason that are shown on the terminal; the log has it whole."""


@hooks(name="penchant", description="Forecast and answer journal of penchant's tasks")
class RunHooks(Hooks):
    """Ties Inspect's task ids to journals and prints what a task will ask before it does."""

    async def on_eval_set_start(self, data: EvalSetStart) -> None:
        """End the process where another one runs this eval-set: it would ask everything twice.

        Before any task, so that Inspect does not begin to tidy up logs that are being written.
        """
        directory = journal_directory(f"{data.log_dir}/log")
        who = held_elsewhere(lock_path(directory, "eval-set", data.eval_set_id))
        if who is not None:
            # Inspect swallows a hook's errors, which this is not.
            raise SystemExit(
                f"penchant: the eval-set in {data.log_dir} is run by {who} already; wait for it, "
                "or stop it first"
            )

    async def on_task_start(self, data: TaskStart) -> None:
        """Remember the task's id; say the forecast."""
        metadata: dict[str, Any] = data.spec.metadata or {}
        ingredients = metadata.get("ingredients")
        if "forecast" not in metadata:
            task_started(data.eval_id, data.spec.task_id, ingredients=ingredients)
            return
        forecast = msgspec.convert(metadata["forecast"], Forecast)
        dataset, config = data.spec.dataset, data.spec.config
        samples = len(dataset.sample_ids or []) or dataset.samples or forecast.samples
        calls = forecast.calls(samples=samples, epochs=config.epochs or 1)
        task_started(data.eval_id, data.spec.task_id, calls, ingredients)
        running = _running(data.spec.model)
        price = price_of(running, forecast.price)
        line = forecast_line(
            forecast, samples=samples, epochs=config.epochs or 1, price=price,
            judges=[
                PricedJudge(str(one), price_of(one, forecast.judge_price))
                for one in judge_models().values()
            ],
        )  # fmt: skip
        say(f"{data.spec.task} on {data.spec.model}: {line}")
        if isinstance(running, Model):
            for warning in warnings_of(running):
                say(warning)

    async def on_task_end(self, data: TaskEnd) -> None:
        """Close the task's journal; say why a task failed where no display does."""
        for line in task_ended(data.eval_id):
            say(f"{data.log.eval.task} on {data.log.eval.model}: {line}")
        if data.log.status == "error" and data.log.error is not None:
            reason = " ".join(data.log.error.message.split())[:_LONGEST]
            fault(f"{data.log.eval.task} on {data.log.eval.model}: {reason}")


def _running(name: str) -> Model | str:
    """The task's model, which may know its own price (a pool's file has it), else its name."""
    model = get_model()
    return model if str(model) == name else name
