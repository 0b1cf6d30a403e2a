"""The HTTP face: routes, errors, the key. What a request means is decided in `resolve`."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from harness.errors import UsageError
from steering_server.http.admission import admit, need_json
from steering_server.http.answering import Abandoned, Answering, Asker
from steering_server.http.bodies import read_body
from steering_server.http.memory import give_back
from steering_server.http.replies import error_body
from steering_server.http.resolve import Resolver
from steering_server.http.service import MOST_BYTES, Service
from steering_server.model.conversation import switches, takes_system
from steering_server.model.models import memory_left
from steering_server.model.requests import (
    ApiError,
    ChatRequest,
    check_once,
    decode,
    decode_raw,
    decode_vector,
)
from steering_server.vectors.registry import NameTaken
from steering_server.vectors.vectors import Vector, parse

__all__ = ["build"]

_SHORT = 1 << 12
"""Bodies up to this many bytes are read and tokenised (some 2 ms) on the event loop itself."""
_READERS = 4
"""Longer ones that are read at a time, in threads."""
_OPENAPI = Path(__file__).with_name("openapi.json")
_LOG = logging.getLogger("uvicorn.error")

Handler = Callable[[Request], Awaitable[Response]]
Reader = Callable[[bytearray], ChatRequest]
T = TypeVar("T")


def _json(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(
        msgspec.json.encode(body), status, media_type="application/json", headers=headers
    )


def _error(error: ApiError) -> Response:
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return _json(error_body(error), status=error.status, headers=headers)


def _vector_entry(name: str, vector: Vector) -> dict[str, Any]:
    return {
        "name": name,
        "sha256": vector.sha256,
        "layers": list(vector.layers),
        "origin": vector.origin,
        "norms": {str(layer): vector.reference(layer) for layer in vector.layers},
    }


class _Routes:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._readers = anyio.CapacityLimiter(_READERS)

    async def chat(self, request: Request) -> Response:
        return await self._answered(request, decode)

    async def completions(self, request: Request) -> Response:
        return await self._answered(request, decode_raw)

    async def _answered(self, request: Request, read: Reader) -> Response:
        resolver = self._service.resolver
        body = await read_body(request, self._service.longest_body)
        asker = Asker()
        try:
            answering = await self._submitted(request, body, resolver, asker, read)
            del body
            self._service.waits(answering)
            identity, created = self._service.identity(), int(time.time())
            if answering.streamed:
                return await _stream(request, answering, identity, created)
            whole = await _unless_gone(request, answering.whole(identity, created))
        except BaseException:
            asker.leave()
            raise
        return Response(whole, media_type="application/json")

    async def _submitted(
        self, request: Request, body: bytearray, resolver: Resolver, asker: Asker, read: Reader
    ) -> Answering:
        """The request of `body` with the engine. What may take long is read in a thread, and left
        there when the client goes."""
        submit = partial(
            _submit, body, read, resolver, self._service, asyncio.get_running_loop(), asker
        )
        if len(body) <= _SHORT and b"choices" not in body:
            return submit()
        reading = anyio.to_thread.run_sync(submit, abandon_on_cancel=True, limiter=self._readers)
        return await _unless_gone(request, reading)

    async def models(self, request: Request) -> Response:
        return _json({"object": "list", "data": [self._model()]})

    async def model(self, request: Request) -> Response:
        entry, asked = self._model(), request.path_params["model"]
        if asked != entry["id"]:
            message = f"unknown model {asked!r}; this server has {entry['id']!r}"
            raise ApiError(404, "model_not_found", message, param="model")
        return _json(entry)

    def _model(self) -> dict[str, Any]:
        loaded = self._service.engine.loaded
        if loaded is None:
            raise ApiError(503, "loading", "the model is being loaded", retry_after=5)
        entry = {"id": loaded.id, "object": "model", "created": 0, "owned_by": "local"}
        more = {
            "layers": loaded.depth,
            "width": loaded.width,
            "context": loaded.context,
            "dtype": loaded.dtype_name,
            "weights": loaded.weights,
            "template": loaded.template,
            "chat_template_kwargs": dict(loaded.style.options),
            "system_as": loaded.style.system_as,
            "switches": switches(loaded.tokenizer.chat_template),
            "system": takes_system(loaded.tokenizer, loaded.style),
        }
        return entry | more

    async def health(self, request: Request) -> Response:
        engine = self._service.engine
        metrics = engine.metrics
        status = {
            "status": self._service.state,
            "reason": engine.reason,
            "queued": engine.queued,
            "running": metrics.running,
            "batch_cap": metrics.cap,
            "tokens_per_second": metrics.tokens_per_second,
        }
        if engine.loaded is not None:
            status["memory_left"] = memory_left(engine.loaded.device)
        if status["status"] == "ready":
            return _json(status)
        return _json(status, status=503, headers={"Retry-After": "5"})

    async def metrics(self, request: Request) -> Response:
        return Response(self._service.engine.metrics.text(), media_type="text/plain")

    async def openapi(self, request: Request) -> Response:
        return Response(_OPENAPI.read_bytes(), media_type="application/json")

    async def vectors(self, request: Request) -> Response:
        named = self._service.registry.named()
        return _json({"data": [_vector_entry(name, vector) for name, vector in named.items()]})

    async def add_vector(self, request: Request) -> Response:
        registry = self._service.registry
        asked = decode_vector(await read_body(request, MOST_BYTES))
        try:
            vector = parse(registry.decode(asked.data), where=f"vector {asked.name!r}")
            registry.add(asked.name, vector)
        except UsageError as error:
            raise ApiError(400, "invalid_vector", str(error), param="data") from error
        except NameTaken as error:
            raise ApiError(409, "name_taken", str(error), param="name") from error
        return _json(_vector_entry(asked.name, vector), status=201)


def _submit(
    body: bytearray,
    read: Reader,
    resolver: Resolver,
    service: Service,
    loop: asyncio.AbstractEventLoop,
    asker: Asker,
) -> Answering:
    request = read(body)
    resolver.check_length(request, asker.alive)
    check_once(body)
    return Answering.submit(request, resolver, service.engine, loop, asker)


async def _unless_gone(request: Request, work: Awaitable[T]) -> T:
    """The result of `work`, unless the client goes away first: then ClientDisconnect."""
    result: T | None = None
    failure: ApiError | None = None

    async def watch(scope: anyio.CancelScope) -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(watch, group.cancel_scope)
        try:
            result = await work
        except ApiError as error:
            failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        try:
            raise failure
        finally:
            del failure  # it holds this frame, and the frame it: the request would stay till later
    if result is None:
        raise ClientDisconnect
    return result


async def _stream(request: Request, answering: Answering, identity: str, created: int) -> Response:
    """A stream; whatever fails before its first event is an ordinary error."""
    events = answering.events(identity, created)

    async def opening() -> bytes:
        return await anext(events)

    first = await _unless_gone(request, opening())

    async def all_events() -> AsyncIterator[bytes]:
        try:
            yield first
            async for event in events:
                yield event
        finally:
            answering.cancel()

    return StreamingResponse(all_events(), media_type="text/event-stream")


def build(service: Service) -> Starlette:
    """The application."""
    routes = _Routes(service)

    def guarded(handler: Handler, *, open_to_all: bool = False) -> Handler:
        async def answer(request: Request) -> Response:
            response = await attempt(request)
            give_back(getattr(request.state, "body_bytes", 0))
            return response

        async def attempt(request: Request) -> Response:
            try:
                admit(request.headers, service.key, keyless=open_to_all)
                if request.method == "POST":
                    need_json(request.headers)
                return await handler(request)
            except ApiError as error:
                return _error(error)
            except (ClientDisconnect, Abandoned):
                return Response(status_code=499)
            except Exception as error:
                _LOG.error("a request failed by a fault of the server", exc_info=error)
                return _error(ApiError(500, "internal_error", "a fault of the server; see its log"))

        return answer

    application = Starlette(
        routes=[
            Route("/v1/chat/completions", guarded(routes.chat), methods=["POST"]),
            Route("/v1/completions", guarded(routes.completions), methods=["POST"]),
            Route("/v1/models", guarded(routes.models)),
            Route("/v1/models/{model:path}", guarded(routes.model)),
            Route("/v1/vectors", guarded(routes.vectors), methods=["GET"]),
            Route("/v1/vectors", guarded(routes.add_vector), methods=["POST"]),
            Route("/health", guarded(routes.health, open_to_all=True)),
            Route("/metrics", guarded(routes.metrics)),
            Route("/openapi.json", guarded(routes.openapi)),
        ],
        exception_handlers={HTTPException: _no_route},
    )
    # A path with a slash too many is not found, in the form of any other error.
    application.router.redirect_slashes = False
    return application


async def _no_route(request: Request, error: Exception) -> Response:
    """404 and 405 in OpenAI's form."""
    assert isinstance(error, HTTPException)
    code = "method_not_allowed" if error.status_code == 405 else "not_found"
    message = f"{request.method} {request.url.path}: {error.detail}"
    answer = _error(ApiError(error.status_code, code, message))
    answer.headers.update(error.headers or {})
    return answer
