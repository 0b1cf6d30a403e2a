"""Endpoints that are Inspect models: its own provider makes the call, our limits govern it.

Inspect's limiter, retries and cache stand in `Model`, which is passed by: the provider's
`generate` is called once, and what it raises is read into a verdict; where its HTTP client can be
listened to, the verdict is on what the server sent.
"""

import asyncio
from collections.abc import Callable

import msgspec
from inspect_ai.model import GenerateConfig, Model, ModelOutput, get_model

from harness.dispatcher.calls.wiretap import Heard, listening, tap
from harness.dispatcher.job import Flight
from harness.dispatcher.poolfile import EndpointSpec
from harness.dispatcher.verdict import Verdict
from harness.models.concessions import Concessions
from harness.models.identity import SEEDED
from harness.models.replies import reply_of
from harness.models.secrets import Keys

__all__ = ["InspectEndpoint"]


class InspectEndpoint:
    """Sends attempts to one Inspect model; `key` goes to its provider, if the file names one."""

    def __init__(self, spec: EndpointSpec, *, key: str | None, model: Model | None = None) -> None:
        assert spec.inspect_model is not None
        self._spec = spec
        self._seeded = spec.inspect_model.split("/")[0] in SEEDED
        self._model = model or get_model(spec.inspect_model, api_key=key, memoize=False)
        own = getattr(self._model.api, "api_key", None)
        self._keys = Keys(key, own if isinstance(own, str) else None)
        self._concessions = Concessions()
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"InspectEndpoint({self._spec.inspect_model!r})"

    def send(self, flight: Flight, deliver: Callable[[Verdict], None]) -> Callable[[], None]:
        """Begin an attempt; see `Transport`."""
        payload = flight.job.payload
        # A context may be entered by one task at a time, and a hedge is a second one.
        context = payload.context.copy() if payload.context is not None else None
        flight.begun = False
        task = asyncio.get_running_loop().create_task(
            self._attempt(flight, deliver), context=context
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task.cancel  # type: ignore[return-value]

    async def aclose(self) -> None:
        """Stop what is under way and close the provider."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._model.api.aclose()

    async def _attempt(self, flight: Flight, deliver: Callable[[Verdict], None]) -> None:
        flight.begun = True
        payload = flight.job.payload
        tap(self._model.api)
        messages, tools, tool_choice, config = payload.native()
        config = self._concessions.configured(config)
        with listening() as heard:
            try:
                async with asyncio.timeout(self._spec.timeout):
                    result = await self._model.api.generate(messages, tools, tool_choice, config)
                output = result[0] if isinstance(result, tuple) else result
                if isinstance(output, Exception):
                    raise output
            except TimeoutError:
                reason = f"no complete reply within {self._spec.timeout:g} s"
                verdict = Verdict(kind="unavailable", reason=reason, billed=True)
            except Exception as error:
                verdict = self._heard(heard, None) or self._refused(error)
            else:
                verdict = self._heard(heard, output) or self._answered(output)
        deliver(self._conceded(verdict, config))

    def _conceded(self, verdict: Verdict, config: GenerateConfig) -> Verdict:
        """The verdict after what it teaches of this endpoint."""
        if verdict.kind != "rejected" or verdict.error is None:
            return verdict
        learnt = self._concessions.heard(verdict.error, config)
        return verdict if learnt is None else Verdict(kind="amended", reason=learnt)

    def _heard(self, heard: Heard, output: ModelOutput | None) -> Verdict | None:
        verdict = heard.verdict
        if verdict is None:
            return None
        verdict.native = output if verdict.kind == "ok" else None
        verdict.reason = self._line(verdict.reason)
        if verdict.reply is not None and (not self._seeded or self._concessions.seedless):
            verdict.reply = msgspec.structs.replace(verdict.reply, seed_honoured=False)
        return verdict

    def _answered(self, output: ModelOutput) -> Verdict:
        if output.empty:
            reason = self._line(output.error or "the provider gave no choice")
            return Verdict(kind="unavailable", reason=reason, billed=True)
        reply = reply_of(output)
        if not self._seeded:
            reply = msgspec.structs.replace(reply, seed_honoured=False)
        return Verdict(kind="ok", reply=reply, native=output)

    def _refused(self, error: Exception) -> Verdict:
        api = self._model.api
        reason = self._line(f"{type(error).__name__}: {error}")
        if api.is_auth_failure(error):
            return Verdict(kind="barred", reason=reason)
        decision = api.should_retry(error)
        if isinstance(decision, bool):
            limited = decision and getattr(error, "status_code", None) == 429
            again, wait = decision, None
        else:
            limited = decision.retry and decision.kind == "rate_limit"
            again, wait = decision.retry, decision.retry_after
        if limited:
            return Verdict(kind="throttled", reason=reason, retry_after=wait)
        if again:
            return Verdict(kind="unavailable", reason=reason, retry_after=wait)
        return Verdict(kind="rejected", reason=reason)

    def _line(self, text: str) -> str:
        """One line without secrets."""
        return " ".join(self._keys.text(text).split())[:300]
