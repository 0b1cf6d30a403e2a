"""One request's way through the engine, seen from the event loop."""

import asyncio
import math
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from steering_server.engine.engine import Engine, Refused
from steering_server.http import replies
from steering_server.http.beside import told
from steering_server.http.resolve import Prepared, Resolver, echo
from steering_server.model.models import Loaded
from steering_server.model.reply_text import ReplyText
from steering_server.model.requests import ApiError, ChatRequest, RawRequest, fail
from steering_server.model.thoughts import Dialect, Splitter
from steering_server.model.work import Failure, Finished, Row, TokenScore

__all__ = ["Abandoned", "Answering", "Asker"]


_LEAST = 1e-300
"""Probabilities below this are taken as this: a text that underflowed has no logarithm."""


class Abandoned(Exception):
    """The client went away while its request was read."""


class Asker:
    """Whether the one who asked is still there: told on the event loop, asked from any thread."""

    def __init__(self) -> None:
        self._gone = threading.Event()
        self._answering: Answering | None = None

    def alive(self) -> None:
        """Abandoned when the client has gone."""
        if self._gone.is_set():
            raise Abandoned

    def leave(self) -> None:
        """The client has gone: what it asked for is dropped, now or as soon as it is there."""
        self._gone.set()
        if self._answering is not None:
            self._answering.cancel()

    def give(self, answering: "Answering") -> None:
        """Its request is with the engine. Of `leave` and `give`, the later one sees the other."""
        self._answering = answering
        if self._gone.is_set():
            answering.cancel()


@dataclass(frozen=True)
class _Token:
    text: str
    score: TokenScore | None


_News = _Token | Finished | Failure


class _Bridge:
    """A sink of the engine's thread that puts its news on the event loop's queue."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        queue: asyncio.Queue[tuple[int, _News]],
        index: int,
    ) -> None:
        self._loop = loop
        self._queue = queue
        self._index = index

    def _tell(self, news: _News) -> None:
        # The loop is closed when the server was forced to stop: nobody is left to tell.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._queue.put_nowait, (self._index, news))

    def token(self, row: Row, text: str, score: TokenScore | None) -> None:
        self._tell(_Token(text, score))

    def done(self, row: Row, finished: Finished) -> None:
        self._tell(finished)

    def failed(self, row: Row, failure: Failure) -> None:
        self._tell(failure)


def _error(failure: Failure) -> ApiError:
    retry = 5 if failure.status == 503 else None
    return ApiError(failure.status, failure.code, failure.message, retry_after=retry)


def _take(engine: Engine, rows: Sequence[Row]) -> None:
    """Hand `rows` to the engine. ApiError where it takes none now."""
    try:
        engine.submit(rows)
    except Refused as refused:
        failure = refused.failure
        raise ApiError(
            failure.status, failure.code, failure.message, retry_after=refused.retry_after
        ) from refused


class Answering:
    """A request that the engine has taken. `whole` or `events`, once; `cancel` at any time.

    `answered`: the engine has said all that there is to say.
    """

    def __init__(
        self,
        request: ChatRequest,
        prepared: Prepared,
        engine: Engine,
        queue: Any,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        assert engine.loaded is not None
        self._request = request
        self._prepared = prepared
        self._engine = engine
        self._loaded: Loaded = engine.loaded
        self._queue = queue
        self._loop = loop
        self._judging: tuple[Row, ...] = ()
        self.answered = False

    @classmethod
    def submit(
        cls,
        request: ChatRequest,
        resolver: Resolver,
        engine: Engine,
        loop: asyncio.AbstractEventLoop,
        asker: Asker,
    ) -> "Answering":
        """Check the request and hand its rows to the engine, from any thread. ApiError, or
        Abandoned when the asker leaves meanwhile."""
        if request.n > engine.room:
            raise fail("n", f"{request.n}; this server takes {engine.room} answers at a time")
        controls = request.steering.controls
        if controls is not None and 6 * (controls.number + 1) > engine.room:
            most = engine.room // 6 - 1
            raise fail("steering.controls.number", f"{controls.number}; this server takes {most}")
        queue: asyncio.Queue[tuple[int, _News]] = asyncio.Queue()
        sink = partial(_Bridge, loop, queue)
        prepared = resolver.resolve(request, sink, asker.alive)
        asker.alive()
        _take(engine, prepared.every)
        answering = cls(request, prepared, engine, queue, loop)
        asker.give(answering)
        return answering

    @property
    def streamed(self) -> bool:
        """Whether the request asked for a stream."""
        return self._request.stream

    def cancel(self) -> None:
        """Nobody waits for this any more."""
        self._engine.cancel((*self._prepared.every, *self._judging))

    def end(self, failure: Failure) -> None:
        """Answer with `failure` what is not yet answered. Called on the event loop."""
        self.cancel()
        self._queue.put_nowait((0, failure))

    async def _news(self) -> AsyncIterator[tuple[int, _Token | Finished]]:
        """News until every answer has ended. ApiError as soon as one fails."""
        async for index, news in self._until(len(self._prepared.every)):
            yield index, news
        self.answered = not self._prepared.beside

    async def _until(self, left: int) -> AsyncIterator[tuple[int, _Token | Finished]]:
        """News until `left` rows have ended. ApiError as soon as one fails."""
        while left:
            index, news = await self._queue.get()
            if isinstance(news, Failure):
                self.cancel()
                raise _error(news)
            if isinstance(news, Finished):
                left -= 1
            yield index, news

    async def _controls(self, finished: dict[int, Finished]) -> dict[str, Any]:
        """What the reply says of the control directions. What was written under them is put to the
        unsteered model first: one pass, since all of it begins with the same prompt."""
        compared, controls = self._prepared.beside, self._request.steering.controls
        if controls is None:
            return {}
        ended = {id(row): finished[index] for index, row in enumerate(self._prepared.every)}
        written = {tuple(one.writing.generated) for one in compared if one.writing is not None}
        wanted = sorted(written - {()})
        rows = compared[0].asked
        base = len(self._prepared.every)
        self._judging = tuple(
            Row(
                prompt=rows.prompt,
                sampling=rows.sampling,
                sink=_Bridge(self._loop, self._queue, base + index),
                text=ReplyText(self._loaded.tokenizer),
                choices=(tokens,),
            )
            for index, tokens in enumerate(wanted)
        )
        said = {}
        if wanted:
            _take(self._engine, self._judging)
            async for index, news in self._until(len(wanted)):
                assert isinstance(news, Finished) and news.choices is not None
                tokens = wanted[index - base]
                said[tokens] = math.log(max(news.choices[0], _LEAST)) / len(tokens)
        self.answered = True
        return {"controls": told(compared, ended, said, controls)}

    def _splitters(self) -> list[Splitter]:
        """One a row: thoughts apart from content."""
        raw = isinstance(self._request, RawRequest)
        dialect: Dialect = "none" if raw else self._loaded.dialect
        prompt, begun = self._prepared.prompt, self._prepared.begun
        return [Splitter(dialect, prompt, begun) for _ in self._prepared.rows]

    def _steering(self) -> dict[str, Any]:
        return echo(self._prepared, self._loaded)

    async def whole(self, identity: str, created: int) -> bytes:
        """The body of a reply that is not streamed. ApiError."""
        rows = self._prepared.rows
        splitters = self._splitters()
        texts = [""] * len(rows)
        thoughts = [""] * len(rows)
        scores: list[list[TokenScore]] = [[] for _ in rows]
        finished: dict[int, Finished] = {}
        async for index, news in self._news():
            if isinstance(news, Finished):
                finished[index] = news
            if index >= len(rows):
                continue
            if isinstance(news, Finished):
                thought, text = splitters[index].finish()
            else:
                answering = splitters[index].answering
                thought, text = splitters[index].push(news.text)
                if news.score is not None and (text or (answering and not thought)):
                    scores[index].append(news.score)
            thoughts[index] += thought
            texts[index] += text
        steering = self._steering()
        if self._request.steering.choices is not None:
            texts[0], table = replies.choice_fields(self._request.steering.choices, finished[0])
            steering |= table | await self._controls(finished)
        body = replies.whole(
            self._loaded,
            identity,
            created,
            rows=rows,
            texts=texts,
            thoughts=thoughts,
            scores=scores,
            finished=[finished[index] for index in range(len(rows))],
            steering=steering,
            prompt_tokens=self._prepared.prompt_tokens,
        )
        if isinstance(self._request, RawRequest):
            body = replies.as_text(body)
        return msgspec.json.encode(body)

    async def events(self, identity: str, created: int) -> AsyncIterator[bytes]:
        """Server-sent events. ApiError before the first, if it fails before the first; later
        failures are an event of their own, and the stream then ends without `[DONE]`."""
        finished: list[Finished] = []
        splitters = self._splitters()
        told = False

        def event(*choices: dict[str, Any], **more: Any) -> bytes:
            body = replies.chunk(self._loaded, identity, created, choices=choices, **more)
            return b"data: " + msgspec.json.encode(body) + b"\n\n"

        try:
            async for index, news in self._news():
                more = {} if told else {"steering": self._steering()}
                if isinstance(news, Finished):
                    finished.append(news)
                    thought, text = splitters[index].finish()
                    if thought or text:
                        yield event(replies.delta(index, text, thought=thought), **more)
                        more = {}
                    for choice in self._ending(index, news):
                        yield event(choice, **more)
                        more = {}
                else:
                    answering = splitters[index].answering
                    thought, text = splitters[index].push(news.text)
                    entry = None
                    if news.score is not None and (text or (answering and not thought)):
                        entry = replies.logprob_entry(self._loaded, news.score)
                    yield event(replies.delta(index, text, thought=thought, entry=entry), **more)
                told = True
        except ApiError as error:
            if not told:
                raise
            yield b"data: " + msgspec.json.encode(replies.error_body(error)) + b"\n\n"
            return
        more = {"steering": self._steering()}
        if self._request.steering.choices is not None:
            more["steering"] |= replies.choice_fields(self._request.steering.choices, finished[0])[
                1
            ]
        if self._request.stream_options and self._request.stream_options.include_usage:
            more["usage"] = replies.usage(self._prepared.prompt_tokens, finished)
        yield event(**more)
        yield b"data: [DONE]\n\n"

    def _ending(self, index: int, news: Finished) -> list[dict[str, Any]]:
        """What is left to say of an answer that has ended."""
        row = self._prepared.rows[index]
        said = []
        if self._request.steering.choices is not None:
            best, _ = replies.choice_fields(self._request.steering.choices, news)
            said.append(replies.delta(index, best))
        return [*said, replies.delta(index, None, finish=news.finish, row=row)]
