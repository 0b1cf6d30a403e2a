"""Which tokens a vector acts on: names, positions and texts become runs of token positions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.wire import Message, Positions, Span, Where
from steering_server.model.conversation import Prompt, Style
from steering_server.model.locating import characters_at, tokens_between
from steering_server.model.requests import fail

__all__ = ["Places", "Run"]

Run = tuple[int, int | None]
"""Positions [start, end); end None: for ever."""
_MOST = 1024
"""Runs of one vector: each is a change of its own at every layer."""


@dataclass(frozen=True)
class Places:
    """One request's conversation as it is rendered; the model is given `fed` tokens at most."""

    tokenizer: Any
    turns: Sequence[Message]
    style: Style
    prompt: Prompt
    fed: int
    raw: bool = False
    """The one message is the prompt as it is, not rendered."""

    def of(self, positions: Positions | Where, where: str) -> tuple[Run, ...]:
        """Disjoint runs, in order. ApiError 400 for what could never act: it would be unsteered."""
        length = len(self.prompt.tokens)
        if isinstance(positions, str):
            run: Run = {
                "all": (0, None),
                "prompt": (0, length),
                "response": (length - 1, None),
                "last_prompt": (length - 1, length),
                "generated": (length, None),
            }[positions]
            return (self._acting(run, where),)
        if isinstance(positions, Span):
            return (self._acting(self._run(positions, where), where),)
        if not positions:
            raise fail(where, "expected at least one position or span")
        found = []
        for index, one in enumerate(positions):
            here = f"{where}[{index}]"
            span = Span(one, one + 1 if one != -1 else length) if isinstance(one, int) else one
            found.append(self._acting(self._run(span, here), here))
        runs = _joined(found)
        if len(runs) > _MOST:
            raise fail(where, f"{len(runs)} runs of positions; expected at most {_MOST}")
        return runs

    def _run(self, span: Span, where: str) -> Run:
        if span.message is not None:
            return self._text(span, span.message, where)
        if span.text is not None:
            raise fail(f"{where}.text", "expected message with it: which one has it")
        length = len(self.prompt.tokens)
        start = span.start + length if span.start < 0 else span.start
        end = span.end + length if span.end is not None and span.end < 0 else span.end
        if start < 0 or (end is not None and end <= start):
            raise fail(
                where,
                f"[{span.start}, {span.end}) is not a span of positions; the prompt has {length}",
            )
        return start, end

    def _text(self, span: Span, message: int, where: str) -> Run:
        """The tokens that hold a part of a message's text."""
        count = len(self.turns)
        if not -count <= message < count:
            raise fail(f"{where}.message", f"{message}; the conversation has {count} messages")
        content = self.turns[message].content
        start, end = span.start, len(content) if span.end is None else span.end
        if span.text is not None:
            if (span.start, span.end) != (0, None):
                raise fail(where, "expected text, or start and end, not both")
            times = content.count(span.text) if span.text else 0
            # Counted without overlaps: an occurrence that overlaps another is not the only one.
            start = content.find(span.text)
            if times != 1 or content.find(span.text, start + 1) >= 0:
                raise fail(f"{where}.text", f"stands {times} times in message {message}, not once")
            end = start + len(span.text)
        if not 0 <= start < end <= len(content):
            raise fail(where, f"[{start}, {end}) is no part of a text of {len(content)} characters")
        text = self.prompt.text
        if self.raw:
            opening = len(text) - len(content)
            part = opening + start, opening + end
        else:
            part = characters_at(
                self.tokenizer, self.turns, self.style, message % count, (start, end), text, where
            )
        return tokens_between(self.tokenizer, self.prompt, *part, where)

    def _acting(self, run: Run, where: str) -> Run:
        if run[0] >= self.fed:
            raise fail(
                where,
                f"would never act: it begins at position {run[0]}, and the model is given "
                f"{self.fed} tokens at most (the last one it generates is not fed back)",
            )
        return run


def _joined(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Runs that touch or overlap as one, in order."""
    found: list[Run] = []
    for start, end in sorted(runs, key=lambda run: run[0]):
        last = found[-1][1] if found else 0
        if found and (last is None or start <= last):
            longer = None if last is None or end is None else max(last, end)
            found[-1] = (found[-1][0], longer)
        else:
            found.append((start, end))
    return tuple(found)
