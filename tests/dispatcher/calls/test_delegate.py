"""Endpoints that are Inspect models: what its provider raises becomes a verdict."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from inspect_ai.model import ModelOutput
from inspect_ai.model._model import RetryDecision

from harness.dispatcher.calls.delegate import InspectEndpoint
from harness.dispatcher.calls.payload import Payload
from harness.dispatcher.poolfile import EndpointSpec
from harness.dispatcher.verdict import Verdict


class Provider:
    """An Inspect provider that gives or raises what it is told to."""

    api_key = "sk-canary"

    def __init__(self, result: Any) -> None:
        self._result = result

    async def generate(self, *arguments: Any) -> Any:
        if callable(self._result):
            return await self._result()
        if isinstance(self._result, Exception):
            raise self._result
        return self._result

    def is_auth_failure(self, error: Exception) -> bool:
        return isinstance(error, PermissionError)

    def should_retry(self, error: Exception) -> RetryDecision:
        if isinstance(error, BlockingIOError):
            return RetryDecision.rate_limit(retry_after=7.0)
        if isinstance(error, ConnectionError):
            return RetryDecision.transient()
        return RetryDecision.no()

    async def aclose(self) -> None:
        pass


async def ask(result: Any) -> Verdict:
    spec = EndpointSpec(name="x", inspect_model="some/model", timeout=0.1)
    model: Any = SimpleNamespace(api=Provider(result))
    line = InspectEndpoint(spec, key=None, model=model)
    future: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
    payload = Payload(b"[]", b"", None, lambda: ([], [], "auto", None))
    flight: Any = SimpleNamespace(job=SimpleNamespace(payload=payload))
    line.send(flight, future.set_result)
    verdict = await asyncio.wait_for(future, 5)
    await line.aclose()
    return verdict


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BlockingIOError("slow down"), "throttled"),
        (ConnectionError("gone"), "unavailable"),
        (PermissionError("no sk-canary\nhere"), "barred"),
        (ValueError("too long"), "rejected"),
    ],
)
async def test_errors(error: Exception, kind: str) -> None:
    """Rate limits wait, transient errors are tried again, a bad key bars, the rest is final."""
    for result in (error, (error, None)):
        verdict = await ask(result)
        assert verdict.kind == kind
        assert "canary" not in verdict.reason
        assert "\n" not in verdict.reason
        assert verdict.retry_after == (7.0 if kind == "throttled" else None)


async def test_answer() -> None:
    """An answer keeps the provider's own output beside the reply; an unknown seed is said."""
    output = ModelOutput.from_content("m", "4")
    verdict = await ask(output)
    assert verdict.reply is not None
    assert (verdict.reply.text, verdict.native, verdict.reply.seed_honoured) == ("4", output, False)


async def test_no_choice_and_hang() -> None:
    """No choice, and no reply in time, are failed attempts."""
    assert (await ask(ModelOutput(model="m"))).kind == "unavailable"

    async def hang() -> None:
        await asyncio.Event().wait()

    verdict = await ask(hang)
    assert (verdict.kind, verdict.billed) == ("unavailable", True)
    assert "0.1 s" in verdict.reason
