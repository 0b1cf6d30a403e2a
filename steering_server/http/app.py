"""The HTTP face: routes, errors, the key. What a request means is decided in `resolve`."""

import asyncio
import hmac
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import msgspec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from harness.errors import UsageError
from steering_server.engine.engine import Engine
from steering_server.http.answering import Answering
from steering_server.http.replies import error_body
from steering_server.http.resolve import Resolver
from steering_server.model.conversation import switches, takes_system
from steering_server.model.models import memory_left
from steering_server.model.requests import ApiError, decode_vector
from steering_server.vectors.registry import NameTaken, Registry
from steering_server.vectors.vectors import Vector, parse

__all__ = ["Service", "build"]

_MOST_BYTES = 32 << 20
_LONG = 1 << 16
"""Bodies above this many bytes are read and tokenised outside the event loop."""

Handler = Callable[[Request], Awaitable[Response]]


class Service:
    """What the routes share. `ready` fills in what exists once the model is there."""

    def __init__(self, engine: Engine, *, max_tokens: int, key: str | None) -> None:
        self.engine = engine
        self.key = key
        self._max_tokens = max_tokens
        self._ids = itertools.count(1)
        self._registry: Registry | None = None
        self._resolver: Resolver | None = None

    def ready(self, registry: Registry) -> None:
        """The model is loaded, and these are its vectors."""
        assert self.engine.loaded is not None
        self._registry = registry
        self._resolver = Resolver(self.engine.loaded, registry, max_tokens=self._max_tokens)

    def _not_ready(self) -> ApiError:
        state = self.engine.state
        reason = f": {self.engine.reason}" if self.engine.reason else ""
        return ApiError(503, state, f"the server is {state}{reason}", retry_after=5)

    @property
    def resolver(self) -> Resolver:
        """ApiError 503 while there is no model to take requests."""
        if self._resolver is None or self.engine.state != "ready":
            raise self._not_ready()
        return self._resolver

    @property
    def registry(self) -> Registry:
        """ApiError 503 while loading."""
        if self._registry is None:
            raise self._not_ready()
        return self._registry

    def identity(self) -> str:
        """An id for a reply."""
        return f"chatcmpl-{next(self._ids)}"


def _json(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(
        msgspec.json.encode(body), status, media_type="application/json", headers=headers
    )


def _error(error: ApiError) -> Response:
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return _json(error_body(error), status=error.status, headers=headers)


async def _body(request: Request) -> bytes:
    """The body, or ApiError 413 as soon as it is too long."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _MOST_BYTES:
            raise ApiError(413, "request_too_large", f"the body exceeds {_MOST_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)


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

    async def chat(self, request: Request) -> Response:
        body = await _body(request)
        engine = self._service.engine
        loop = asyncio.get_running_loop()
        submit = partial(Answering.submit, body, self._service.resolver, engine, loop)
        answering = await anyio.to_thread.run_sync(submit) if len(body) > _LONG else submit()
        identity, created = self._service.identity(), int(time.time())
        try:
            if answering.streamed:
                return await _stream(request, answering, identity, created)
            whole = await _unless_gone(request, answering.whole(identity, created))
        except BaseException:
            answering.cancel()
            raise
        return Response(whole, media_type="application/json")

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
        state = "loading" if self._service._resolver is None and engine.state == "ready" else None
        status = {
            "status": state or engine.state,
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

    async def vectors(self, request: Request) -> Response:
        named = self._service.registry.named()
        return _json({"data": [_vector_entry(name, vector) for name, vector in named.items()]})

    async def add_vector(self, request: Request) -> Response:
        asked = decode_vector(await _body(request))
        registry = self._service.registry
        try:
            vector = parse(registry.decode(asked.data), where=f"vector {asked.name!r}")
            registry.add(asked.name, vector)
        except UsageError as error:
            raise ApiError(400, "invalid_vector", str(error), param="data") from error
        except NameTaken as error:
            raise ApiError(409, "name_taken", str(error), param="name") from error
        return _json(_vector_entry(asked.name, vector), status=201)


async def _unless_gone(request: Request, work: Coroutine[Any, Any, bytes]) -> bytes:
    """The result of `work`, unless the client goes away first: then ClientDisconnect."""
    result: bytes | None = None
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
        raise failure
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
            try:
                if not open_to_all:
                    _admit(request, service.key)
                return await handler(request)
            except ApiError as error:
                return _error(error)
            except ClientDisconnect:
                return Response(status_code=499)

        return answer

    return Starlette(
        routes=[
            Route("/v1/chat/completions", guarded(routes.chat), methods=["POST"]),
            Route("/v1/models", guarded(routes.models)),
            Route("/v1/models/{model:path}", guarded(routes.model)),
            Route("/v1/vectors", guarded(routes.vectors), methods=["GET"]),
            Route("/v1/vectors", guarded(routes.add_vector), methods=["POST"]),
            Route("/health", guarded(routes.health, open_to_all=True)),
            Route("/metrics", guarded(routes.metrics)),
        ]
    )


def _admit(request: Request, key: str | None) -> None:
    """ApiError 401 unless the request carries the key, where there is one."""
    if key is None:
        return
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(), key.encode()):
        raise ApiError(401, "invalid_api_key", "the Authorization header does not carry the key")
