"""What the routes share: the engine, what exists once the model is there, who waits for answers."""

import itertools
import weakref

from steering_server.engine.engine import Engine
from steering_server.http.answering import Answering
from steering_server.http.mean_activation import MeanActivation
from steering_server.http.resolve import Resolver
from steering_server.model.requests import ApiError
from steering_server.model.work import Failure
from steering_server.vectors.registry import Registry

__all__ = ["MOST_BYTES", "Service"]

MOST_BYTES = 32 << 20
"""No body is longer, whatever the model."""
_MOST_TEXT = 16 << 20
"""Of which messages: 16 bytes a token in a context of a million."""
_PLAIN = 1 << 20
"""Room in a body for everything but messages and inline vectors."""
_ESCAPED = 12
"""Bytes that JSON may spend on a character: two escapes of a surrogate pair."""
_INLINE = 4
"""Inline vectors of every layer that a body has room for."""


class Service:
    """What the routes share. `ready` fills in what exists once the model is there."""

    def __init__(self, engine: Engine, *, max_tokens: int, key: str | None) -> None:
        self.engine = engine
        self.key = key
        self._max_tokens = max_tokens
        self._ids = itertools.count(1)
        self._registry: Registry | None = None
        self._resolver: Resolver | None = None
        self._waiting: weakref.WeakSet[Answering] = weakref.WeakSet()
        self.longest_body = MOST_BYTES

    def ready(self, registry: Registry) -> None:
        """The model is loaded, and these are its vectors."""
        loaded = self.engine.loaded
        assert loaded is not None
        self._registry = registry
        mean = MeanActivation(loaded, self.engine)
        self._resolver = Resolver(loaded, registry, max_tokens=self._max_tokens, mean=mean)
        # fp32 in base64, and the file's header
        vector = loaded.depth * loaded.width * 4 * 4 // 3
        text = min(_ESCAPED * self._resolver.most_characters, _MOST_TEXT)
        self.longest_body = min(MOST_BYTES, _PLAIN + text + _INLINE * vector)

    @property
    def state(self) -> str:
        """The engine's, and `loading` until this service knows the model too."""
        state = self.engine.state
        return "loading" if state == "ready" and self._resolver is None else state

    def _not_ready(self) -> ApiError:
        reason = f": {self.engine.reason}" if self.engine.reason else ""
        return ApiError(503, self.state, f"the server is {self.state}{reason}", retry_after=5)

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

    def waits(self, answering: Answering) -> None:
        """Somebody waits for `answering`, until it is dropped."""
        self._waiting.add(answering)
        if self.engine.state == "dead":
            self.bury()

    def bury(self) -> int:
        """The engine is dead: nothing that is waited for will come, wherever its rows were."""
        reason = f"the engine is dead: {self.engine.reason}"
        return self.give_up(Failure(503, "dead", reason))

    def give_up(self, failure: Failure) -> int:
        """End whatever is waited for with `failure`; how many that were. On the event loop."""
        unanswered = [one for one in self._waiting if not one.answered]
        for answering in unanswered:
            answering.end(failure)
        return len(unanswered)
