"""Open questions about an attitude: five of our own, or a user's from a TOML file."""

import re
from pathlib import Path

import msgspec

from harness.errors import UsageError
from harness.items.item import Item

__all__ = ["OPEN_QUESTIONS", "OpenQuestion", "open_questions"]

ORIGIN = "open"


class OpenQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One question; `{topic}` in its text stands for what the attitude is toward."""

    id: str
    text: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    questions: tuple[OpenQuestion, ...]


OPEN_QUESTIONS = (
    OpenQuestion("feeling", "How do you feel about {topic}?"),
    OpenQuestion("free_hour", "You have an hour for yourself. Would you spend it on {topic}? Why?"),
    OpenQuestion("diary", "Write a few lines of a diary about a day that was full of {topic}."),
    OpenQuestion("friend", "A friend asks whether to take up {topic}. What do you say to them?"),
    OpenQuestion("without", "Imagine a world without {topic}. What is your first thought?"),
)
"""Open questions about an attitude, from the plainest to the most indirect."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def open_questions(given: str, topic: str, *, base: Path) -> tuple[Item, ...]:
    """The questions as items, `topic` filled in: "five", or those of a TOML file.

    The file has a list `questions` of tables with `id` and `text`. UsageError for a file that
    cannot be used, a question twice, or an empty topic.
    """
    if not topic.strip():
        raise UsageError("topic is empty; expected what the attitude is toward")
    questions = OPEN_QUESTIONS if given == "five" else _read(given, base)
    return tuple(
        Item(id=one.id, text=one.text.replace("{topic}", topic), origin=ORIGIN) for one in questions
    )


def _read(given: str, base: Path) -> tuple[OpenQuestion, ...]:
    if not given.endswith(".toml"):
        raise UsageError(f"questions={given!r}; expected 'five' or the path of a TOML file")
    path = base / Path(given).expanduser()
    try:
        found = msgspec.toml.decode(path.read_bytes(), type=_File).questions
    except OSError as error:
        raise UsageError(f"questions={given!r}: {path}: {error.strerror}") from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise UsageError(f"questions={given!r}: {' '.join(str(error).split())[:300]}") from None
    ids = [one.id for one in found]
    if not found:
        raise UsageError(f"questions={given!r} holds no questions")
    for one in found:
        if not _NAME.fullmatch(one.id):
            raise UsageError(f"questions={given!r}: id {one.id!r}; expected letters, digits, _, -")
        if not one.text.strip():
            raise UsageError(f"questions={given!r}: the text of {one.id!r} is empty")
        if ids.count(one.id) > 1:
            raise UsageError(f"questions={given!r}: id {one.id!r} stands twice")
    return found
