"""A reply's thoughts, told apart from its content.

Two dialects: `think` (a thought between tags at the head of the reply: Qwen3, R1 and most others)
and `harmony` (gpt-oss: messages on channels, of which `final` is the answer). Which one a model
speaks stands in its chat template.
"""

from typing import Any, Literal

__all__ = ["Dialect", "Splitter", "closing", "dialect_of", "marks_of"]

Dialect = Literal["none", "think", "harmony"]
_State = Literal["head", "header", "thought", "after", "content"]
"""Of the text that comes next: it may open a thought (`head`), names its channel (`header`), is a
thought, follows one that has ended (`after`), or is the answer."""

_OPEN, _CLOSE = "<think>", "</think>"
_MESSAGE, _CHANNEL, _FINAL = "<|message|>", "<|channel|>", "final"
_ENDS = ("<|end|>", "<|return|>", "<|call|>", "<|start|>")
_MARKS: dict[Dialect, tuple[str, ...]] = {
    "none": (),
    "think": (_OPEN, _CLOSE),
    "harmony": (_MESSAGE, _CHANNEL, *_ENDS),
}


def dialect_of(template: str) -> Dialect:
    """How a model with this chat template thinks."""
    if _CHANNEL in template and _MESSAGE in template:
        return "harmony"
    return "think" if _CLOSE in template or _OPEN in template else "none"


def marks_of(tokenizer: Any, dialect: Dialect) -> dict[int, str]:
    """Tokens that are marks by themselves; a decoder may hide them as special."""
    vocabulary = tokenizer.get_vocab() if _MARKS[dialect] else {}
    return {vocabulary[mark]: mark for mark in _MARKS[dialect] if mark in vocabulary}


def closing(prompt: str, dialect: Dialect, begun: str = "") -> str:
    """What to add to a prompt so that its next token is the answer's: an empty thought, or the end
    of one that is open; nothing where a thought is already closed, or the answer begun. `begun` is
    the model's own text at the prompt's end."""
    state = _standing(prompt, dialect, begun)
    if dialect == "harmony":
        channel = f"{_CHANNEL}{_FINAL}{_MESSAGE}"
        ended = f"{_ENDS[0]}{_ENDS[3]}assistant"
        return {"thought": ended + channel, "header": channel}.get(state, "")
    if dialect == "think":
        ended = f"{_CLOSE}\n\n"
        return {"thought": f"\n{ended}", "head": f"{_OPEN}\n\n{ended}"}.get(state, "")
    return ""


def _standing(prompt: str, dialect: Dialect, begun: str) -> _State:
    """Where in a reply the next token stands."""
    if dialect == "harmony":
        before, mark, after = prompt.rpartition(_MESSAGE)
        if not mark or any(end in after for end in _ENDS):
            return "header"
        return "content" if _channel(before) == _FINAL else "thought"
    if dialect == "none":
        return "content"
    before = prompt[: len(prompt) - len(begun)].rstrip()
    own = next((mark for mark in _MARKS["think"] if before.endswith(mark)), "") + begun
    opened, closed = own.rfind(_OPEN), own.rfind(_CLOSE)
    if opened > closed:
        return "thought"
    if closed >= 0:
        return "content" if own[closed + len(_CLOSE) :].strip() else "after"
    return "content" if begun.strip() else "head"


def _channel(header: str) -> str:
    """The channel that a message's header names, last of all."""
    return header.rpartition(_CHANNEL)[2].strip().split(" ")[0]


class Splitter:
    """Takes a reply's text as it comes; gives (thought, content). `prompt` is the text before it,
    whose end `begun` is the model's own.

    Text that may still turn out to be part of a mark waits for more.
    """

    def __init__(self, dialect: Dialect, prompt: str, begun: str = "") -> None:
        self._dialect = dialect
        self._held = ""
        self._state: _State = _standing(prompt, dialect, begun)
        self._spoke = self._state == "content"

    @property
    def answering(self) -> bool:
        """Whether what comes next is content."""
        return self._state == "content"

    def push(self, text: str) -> tuple[str, str]:
        """The thought and the content that `text` makes certain."""
        self._held += text
        found: dict[bool, str] = {True: "", False: ""}
        step = self._tagged if self._dialect == "think" else self._channelled
        while self._dialect != "none" and (moved := step()) is not None:
            for thinking, part in moved:
                found[thinking] += part
        if self._dialect == "none":
            found[False], self._held = self._held, ""
        return found[True], found[False]

    def finish(self) -> tuple[str, str]:
        """What was still waiting."""
        rest, self._held = self._held, ""
        if self._state == "thought":
            return rest, ""
        if self._state == "header" and self._spoke:
            return "", ""
        return "", rest.lstrip("\n") if self._state == "after" else rest

    def _tagged(self) -> list[tuple[bool, str]] | None:
        """One step of the dialect `think`; None when more text is needed."""
        held = self._held
        if not held:
            return None
        if self._state == "head":
            start = held.lstrip()
            if start.startswith(_OPEN):
                self._state, self._held = "thought", start[len(_OPEN) :]
                return []
            if _OPEN.startswith(start):
                return None
            self._state = "content"
        if self._state == "after":
            self._held = held = held.lstrip("\n")
            if not held:
                return None
            self._state = "content"
        if self._state == "content":
            self._held = ""
            return [(False, held)]
        return self._until((_CLOSE,), "after", thinking=True)

    def _channelled(self) -> list[tuple[bool, str]] | None:
        """One step of the dialect `harmony`; None when more text is needed."""
        if not self._held:
            return None
        if self._state == "header":
            header, mark, rest = self._held.partition(_MESSAGE)
            if not mark:
                return None
            self._state = "content" if _channel(header) == _FINAL else "thought"
            self._held, self._spoke = rest, True
            return []
        return self._until(_ENDS, "header", thinking=self._state == "thought")

    def _until(
        self, marks: tuple[str, ...], then: _State, *, thinking: bool
    ) -> list[tuple[bool, str]] | None:
        """Give what stands before the first of `marks`; without one, what cannot begin one."""
        held = self._held
        places = [(at, mark) for mark in marks if (at := held.find(mark)) >= 0]
        if places:
            at, mark = min(places)
            self._state, self._held = then, held[at + len(mark) :]
            return [(thinking, held[:at])]
        most = max(len(mark) for mark in marks) - 1
        kept = next(
            (
                size
                for size in range(min(most, len(held)), 0, -1)
                if any(mark.startswith(held[-size:]) for mark in marks)
            ),
            0,
        )
        free = held[: len(held) - kept]
        self._held = held[len(held) - kept :]
        return [(thinking, free)] if free else None
