"""HTTP to a steering server: what it has, and one answer at a time."""

import base64
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import msgspec

from harness.errors import ServiceError, UsageError
from harness.models.secrets import Keys
from harness.wire import FORMAT_VERSION, Reply, StopReason, TokenLogprob

__all__ = ["ServedModel", "ServedVector", "SteeringClient", "done_in", "told"]

_ATTEMPTS = 6
"""Tries of one question against refused connections and 5xx; a full queue costs no try."""
_ENDS_THE_RUN = (401, 403, 404)
_STOPS: dict[str, StopReason] = {"stop": "stop", "length": "max_tokens"}


class ServedVector(msgspec.Struct, frozen=True):
    """A vector the server has."""

    name: str
    sha256: str
    layers: tuple[int, ...]
    origin: dict[str, Any]


class ServedModel(msgspec.Struct, frozen=True):
    """The model the server has. `switches` are the template's options for thinking; `system` says
    whether it takes a system prompt."""

    id: str
    layers: int
    dtype: str
    weights: str
    template: str = ""
    chat_template_kwargs: dict[str, Any] = {}
    system_as: str = "system"
    switches: tuple[str, ...] = ()
    system: bool = True


class _Problem(msgspec.Struct, frozen=True):
    message: str
    code: str | None = None


class _ProblemBody(msgspec.Struct, frozen=True):
    error: _Problem


class _Models(msgspec.Struct, frozen=True):
    data: list[ServedModel]


class _Vectors(msgspec.Struct, frozen=True):
    data: list[ServedVector]


def _problem(response: httpx.Response) -> str:
    try:
        body = msgspec.json.decode(response.content, type=_ProblemBody)
    except msgspec.DecodeError:
        return f"HTTP {response.status_code}"
    return f"{response.status_code} {body.error.code}: {body.error.message}"


def _retry_after(response: httpx.Response, default: float) -> float:
    try:
        return min(max(float(response.headers["retry-after"]), 0.1), 60.0)
    except (KeyError, ValueError):
        return default


class SteeringClient:
    """One server. `sleep` waits; `transport` is for tests."""

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None,
        timeout: float,
        max_in_flight: int,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/").removesuffix("/v1")
        self._headers = {"Content-Type": "application/json"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"
        self._keys = Keys(key)
        self._timeout = timeout
        self._sleep = sleep
        self._transport = transport
        self._limits = httpx.Limits(
            max_connections=max_in_flight, max_keepalive_connections=max_in_flight
        )
        self._client: httpx.AsyncClient | None = None
        self._loop: object = None

    # Before the run: synchronous, since Inspect makes providers outside any event loop.

    def _get(self, path: str) -> bytes:
        try:
            response = httpx.get(self.base_url + path, headers=self._headers, timeout=30)
        except httpx.HTTPError as error:
            raise ServiceError(
                f"no steering server answers at {self.base_url} ({type(error).__name__}); start "
                "one with `steering-server serve`, or say where it is with -M url=…, "
                "--model-base-url or STEERING_BASE_URL"
            ) from error
        if response.status_code != 200:
            problem = self._keys.text(_problem(response))
            raise ServiceError(f"steering server at {self.base_url}: {problem}")
        return self._keys.bytes(response.content)

    def only_model(self) -> ServedModel:
        """The model that the server has; ServiceError where none answers."""
        (served,) = msgspec.json.decode(self._get("/v1/models"), type=_Models).data
        return served

    def model(self, name: str) -> ServedModel:
        """The model `name`. UsageError where the server has another."""
        served = self.only_model()
        if served.id != name:
            raise UsageError(
                f"the steering server at {self.base_url} has model {served.id!r}, not {name!r}"
            )
        return served

    def vector(self, name: str) -> ServedVector:
        """The registered vector `name`. UsageError where there is none."""
        known = msgspec.json.decode(self._get("/v1/vectors"), type=_Vectors).data
        for vector in known:
            if vector.name == name:
                return vector
        names = ", ".join(vector.name for vector in known) or "none"
        raise UsageError(
            f"the steering server at {self.base_url} has no vector {name!r}; it has: {names}"
        )

    def register(self, path: Path, name: str | None = None) -> ServedVector:
        """Bring a vector file to the server, under `name`, or its own and the beginning of its
        hash. UsageError where the server refuses it."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UsageError(f"steering parameter vector={path}: {error.strerror}") from error
        stem = path.name.removesuffix(".safetensors")
        name = name or f"{stem}-{hashlib.sha256(data).hexdigest()[:8]}"
        body = {"name": name, "data": base64.b64encode(data).decode()}
        try:
            response = httpx.post(
                f"{self.base_url}/v1/vectors", json=body, headers=self._headers, timeout=60
            )
        except httpx.HTTPError as error:
            raise ServiceError(f"no steering server answers at {self.base_url}") from error
        if response.status_code != 201:
            problem = self._keys.text(_problem(response))
            raise UsageError(f"the steering server refused {path}: {problem}")
        return msgspec.json.decode(response.content, type=ServedVector)

    # During the run

    def _opened(self) -> httpx.AsyncClient:
        # Inspect keeps a model over several evals of a process, each with its own loop; what was
        # opened in one that has ended can be neither used nor closed.
        loop = anyio.lowlevel.current_token()
        if self._client is None or self._loop != loop:
            self._loop = loop
            self._client = httpx.AsyncClient(
                headers=self._headers,
                timeout=httpx.Timeout(self._timeout, connect=10, pool=None),
                limits=self._limits,
                transport=self._transport,
            )
        return self._client

    async def ask(self, body: dict[str, Any]) -> Reply:
        """One answer. A request the server cannot answer is a Reply with an error; ServiceError
        when every further one would fail too."""
        content = msgspec.json.encode(body)
        attempts, problem = 0, ""
        while attempts < _ATTEMPTS:
            started = time.monotonic()
            try:
                response = await self._opened().post(
                    f"{self.base_url}/v1/chat/completions", content=content
                )
            except httpx.HTTPError as error:
                attempts += 1
                problem = self._keys.text(f"{type(error).__name__}: {error}")
                await self._sleep(min(2.0**attempts, 30.0))
                continue
            status = response.status_code
            if status == 200:
                content = self._keys.body(response.content)
                return self._reply(content, time.monotonic() - started, attempts + 1)
            problem = self._keys.text(_problem(response))
            if status in _ENDS_THE_RUN:
                raise ServiceError(f"steering server at {self.base_url}: {problem}")
            if status != 429 and status != 503:
                return Reply(error=problem, stop="unknown", attempts=attempts + 1)
            attempts += status == 503
            await self._sleep(_retry_after(response, 2.0))
        raise ServiceError(f"steering server at {self.base_url} gave no answer: {problem}")

    def _reply(self, content: bytes, latency: float, attempts: int) -> Reply:
        body = msgspec.json.decode(content)
        choice, usage = body["choices"][0], body["usage"]
        steering = body["steering"]
        logprobs = (choice.get("logprobs") or {}).get("content") or None
        return Reply(
            text=choice["message"]["content"],
            reasoning=choice["message"].get("reasoning_content"),
            stop=_STOPS.get(choice["finish_reason"], "unknown"),
            top_logprobs=None
            if logprobs is None
            else tuple(
                TokenLogprob(top["token"], top["logprob"]) for top in logprobs[0]["top_logprobs"]
            ),
            choices=steering.get("choices"),
            input_tokens=usage["prompt_tokens"],
            output_tokens=usage["completion_tokens"],
            latency=latency,
            model=body["model"],
            endpoint=self.base_url,
            fingerprint=body["system_fingerprint"],
            attempts=attempts,
            steering=told(steering),
        )

    async def aclose(self) -> None:
        """Close connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def told(steering: dict[str, Any]) -> dict[str, object]:
    """The server's account of what it did, for the record: the first vector's own fields, and each
    vector's where there are several."""
    found: dict[str, object] = {
        "dtype": steering["dtype"],
        "weights": steering["weights"],
        "format_version": FORMAT_VERSION,
    }
    for name in ("chat_template_kwargs", "thought"):
        if steering.get(name):
            found[name] = steering[name]
    if steering.get("system_as", "system") != "system":
        found["system_as"] = steering["system_as"]
    if steering.get("survived"):
        found["survived"] = min(steering["survived"].values())
    if steering.get("controls"):
        found["controls"] = steering["controls"]
    vectors = [_of_vector(vector) for vector in steering["vectors"]]
    for vector in vectors[:1]:
        found |= vector
    if len(vectors) > 1:
        found["vectors"] = vectors
    return found


def _of_vector(vector: dict[str, Any]) -> dict[str, object]:
    names = ("sha256", "coef", "layers", "norms", "positions")
    found = {"vector": vector["name"], **{name: vector[name] for name in names}}
    found["operation"] = vector.get("operation", "add")
    return found | ({"component": vector["component"]} if vector.get("component") else {})


def done_in(told: Mapping[str, object]) -> list[list[object]]:
    """Hash, operation, coefficient and layers of each vector in an account of `told`."""
    several = told.get("vectors") or ([told] if "sha256" in told else [])
    assert isinstance(several, list)
    return [
        [one["sha256"], one.get("operation", "add"), one["coef"], list(one["layers"])]
        for one in several
    ]
