"""Where a campaign's result reaches its log: the metadata of the running eval."""

from typing import Any

from inspect_ai.hooks import Hooks, TaskEnd, TaskStart, hooks
from inspect_ai.log import EvalSpec

from harness.adaptive.trace import KEY

__all__ = ["CampaignHooks", "model_of", "set_result"]

_running: dict[str, EvalSpec] = {}


@hooks(name="penchant_campaign", description="Results of adaptive campaigns in their logs")
class CampaignHooks(Hooks):
    """Knows the specs of running campaigns by the token in their metadata."""

    async def on_task_start(self, data: TaskStart) -> None:
        """Remember a campaign's spec, which Inspect writes to the log when the task ends."""
        token = (data.spec.metadata or {}).get("campaign")
        if token:
            _running[token] = data.spec

    async def on_task_end(self, data: TaskEnd) -> None:
        """Forget it."""
        token = (data.log.eval.metadata or {}).get("campaign")
        _running.pop(token or "", None)


def set_result(token: str, result: dict[str, Any]) -> None:
    """Put the result, so far, into the metadata of the run that `token` names."""
    spec = _running.get(token)
    if spec is not None:
        spec.metadata = {**(spec.metadata or {}), KEY: result}


def model_of(token: str) -> str:
    """The model of the run that `token` names; empty before it has started."""
    spec = _running.get(token)
    return "" if spec is None else spec.model
