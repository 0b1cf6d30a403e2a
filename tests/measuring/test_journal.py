"""Answers on disk: whole, or not there; read again, or said to be damaged."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import DiskError, UsageError
from harness.measuring import journal as module
from harness.measuring.journal import (
    JOURNAL_VERSION,
    SYNC_SECONDS,
    Entries,
    journal_directory,
    open_journal,
)
from harness.wire import Reply

REPLIES = {f"k{n}": Reply(text="x" * n, input_tokens=n) for n in range(5)}


class Disk:
    """`os.write` of a disk that is full after `room` bytes: it writes what goes, then fails.

    `piece` is the most that one call writes, as a disk under a quota may.
    """

    def __init__(self, room: int, piece: int = 1 << 20) -> None:
        self.room = room
        self.piece = piece
        self.real = os.write

    def __call__(self, file: int, data: bytes) -> int:
        """Write some of it."""
        if self.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = self.real(file, data[: min(self.room, self.piece)])
        self.room -= written
        return written


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the journal says on stderr."""
    lines: list[str] = []
    monkeypatch.setattr(module, "say", lines.append)
    return lines


def test_entries_survive_and_a_torn_line_does_not(tmp_path: Path) -> None:
    """What was written whole is read again; a line that a kill cut short is dropped."""
    journal = open_journal(tmp_path, task_id="t", scope="run-1")
    journal.put("a", Reply(text="3"))
    journal.put("b", Reply(error="timeout"))
    journal.close()
    with (tmp_path / "t.jsonl").open("ab") as file:
        file.write(b'{"key":"c","entry":{"te')
    again = open_journal(tmp_path, task_id="t", scope="run-2")
    assert again.get("a") == Reply(text="3")
    assert again.get("b") == Reply(error="timeout")
    assert again.get("c") is None
    again.put("c", Reply(text="5"))
    again.close()
    assert len(open_journal(tmp_path, task_id="t", scope="x")) == 3


def test_scope_is_that_of_the_first_run(tmp_path: Path) -> None:
    """A retry keeps the scope under which the first attempt shared its completions."""
    open_journal(tmp_path, task_id="t", scope="run-1").close()
    header = open_journal(tmp_path, task_id="t", scope="run-2").header
    assert header is not None
    assert header.scope == "run-1"


def test_text_with_line_separators_stays_one_entry(tmp_path: Path) -> None:
    """U+2028, U+0085 and newlines inside a reply do not split its line."""
    text = "one\u2028two\x85three\nfour\rfive"
    journal = open_journal(tmp_path, task_id="t", scope="s")
    journal.put("a", Reply(text=text))
    journal.close()
    assert open_journal(tmp_path, task_id="t", scope="s").get("a") == Reply(text=text)


def test_journal_lies_beside_the_log() -> None:
    """A local log's journal is in its folder; a remote log's under the user's state directory."""
    assert journal_directory("/x/logs/a.eval") == Path("/x/logs/journal")
    assert journal_directory("file:///x/logs/a.eval") == Path("/x/logs/journal")
    assert "s3_bucket_logs" in str(journal_directory("s3://bucket/logs/a.eval"))


def test_a_disk_that_fills_at_any_byte_loses_no_answer_that_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever `put` returned from is there again, nothing else is, and nothing is damaged; what
    is put afterwards is whole."""
    whole = Entries(tmp_path / "whole.jsonl", Reply)
    for key, reply in REPLIES.items():
        whole.put(key, reply)
    size = whole.path.stat().st_size
    for room in range(size):
        path = tmp_path / f"{room}.jsonl"
        entries = Entries(path, Reply)
        kept = {}
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", Disk(room))
            for key, reply in REPLIES.items():
                try:
                    entries.put(key, reply)
                except DiskError as error:
                    assert str(path) in str(error)
                    assert "No space left" in str(error)
                    assert entries.get(key) is None
                else:
                    kept[key] = reply
        again = Entries(path, Reply)
        assert {key: again.get(key) for key in again} == kept
        assert again.damaged == 0
        for key in REPLIES.keys() - kept.keys():
            entries.put(key, REPLIES[key])
        assert {k: v for k in REPLIES if (v := Entries(path, Reply).get(k))} == REPLIES


def test_short_writes_are_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that writes a part is no error and no loss."""
    entries = Entries(tmp_path / "j.jsonl", Reply)
    monkeypatch.setattr(os, "write", Disk(1 << 20, piece=7))
    for key, reply in REPLIES.items():
        entries.put(key, reply)
    again = Entries(tmp_path / "j.jsonl", Reply)
    assert {key: again.get(key) for key in again} == REPLIES


def test_a_torn_line_that_cannot_be_taken_back_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    """It costs itself alone: the next answer begins a line of its own."""
    entries = Entries(tmp_path / "j.jsonl", Reply)

    def refused(file: int, size: int) -> None:
        raise OSError(errno.EIO, "no")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", Disk(20))
        patched.setattr(os, "ftruncate", refused)
        with pytest.raises(DiskError):
            entries.put("a", Reply(text="first"))
    entries.put("b", Reply(text="second"))
    again = Entries(tmp_path / "j.jsonl", Reply)
    assert (list(again), again.damaged) == (["b"], 1)
    assert said == [f"journal {tmp_path}/j.jsonl: 1 damaged line not used; the other 1 answers are"]


def test_the_disk_is_reached_at_a_stated_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line is synced at most so many seconds after the one before, and all of them at the end."""
    now, synced = [0.0], []
    entries = Entries(tmp_path / "j.jsonl", Reply, clock=lambda: now[0])
    monkeypatch.setattr(os, "fsync", synced.append)
    entries.put("a", Reply())
    assert len(synced) == 0
    now[0] = SYNC_SECONDS
    entries.put("b", Reply())
    entries.put("c", Reply())
    assert len(synced) == 1
    entries.close()
    assert len(synced) == 2


DEEP = b'{"key":"deep","entry":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
DAMAGE: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "a corrupt header": lambda lines: [b'{"task_id": nonsense', *lines[1:]],
    "a header of another form": lambda lines: [b'{"task_id":7,"scope":[]}', *lines[1:]],
    "a deeply nested line": lambda lines: [*lines[:2], DEEP, *lines[2:]],
    "a corrupt middle line": lambda lines: [*lines[:2], b'{"key":"k9","ent', *lines[2:]],
    "bytes that are no text": lambda lines: [*lines[:2], b'{"key":"\xff\xfe"}', *lines[2:]],
    "nulls, as after a crash": lambda lines: [*lines[:2], b"\0" * 900, *lines[2:]],
    "another form": lambda lines: [*lines[:2], b'{"key":"k9","entry":{"text":4}}', *lines[2:]],
    "a number without end": lambda lines: [
        *lines[:2],
        b'{"key":"k9","entry":{"input_tokens":' + b"9" * 6000 + b"}}",
        *lines[2:],
    ],
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_one_line_and_the_rest_is_used(
    name: str, tmp_path: Path, said: list[str]
) -> None:
    """Whatever a journal has been through, its other answers are read, and the loss is counted."""
    first = open_journal(tmp_path, task_id="t", scope="run-1")
    for key, reply in REPLIES.items():
        first.put(key, reply)
    first.close()
    lines = first.path.read_bytes().splitlines()
    first.path.write_bytes(b"\n".join(DAMAGE[name](lines)) + b"\n")
    again = open_journal(tmp_path, task_id="t", scope="run-2")
    assert {key: again.get(key) for key in again} == REPLIES
    assert again.damaged == 1
    assert said == [
        f"journal {first.path}: 1 damaged line not used; the other {len(REPLIES)} answers are"
    ]
    again.put("more", Reply())
    again.close()
    assert len(open_journal(tmp_path, task_id="t", scope="run-3")) == len(REPLIES) + 1


@pytest.mark.parametrize("version", [1, 99])
def test_a_journal_of_another_version_is_set_aside(
    version: int, tmp_path: Path, said: list[str]
) -> None:
    """Its answers are not taken for this version's, nor lost; the run's scope stays."""
    path = tmp_path / "t.jsonl"
    old = b'{"task_id":"t","scope":"run-1","version":%d}\n{"key":"a","entry":{"text":"3"}}\n'
    path.write_bytes(old % version)
    journal = open_journal(tmp_path, task_id="t", scope="run-2")
    assert (len(journal), journal.header.scope) == (0, "run-1")  # type: ignore[union-attr]
    assert path.with_name(f"t.jsonl.version-{version}").read_bytes() == old % version
    assert len(said) == 1
    assert f"is of version {version} (expected {JOURNAL_VERSION})" in said[0]
    journal.put("b", Reply())
    journal.close()
    assert len(open_journal(tmp_path, task_id="t", scope="x")) == 1
    assert len(said) == 1


def test_other_ingredients_are_named(tmp_path: Path) -> None:
    """What a run began with is kept, and what differs is what the line says."""
    open_journal(tmp_path, task_id="t", scope="s", ingredients={"items": "1", "pairs": "2"}).close()
    open_journal(tmp_path, task_id="t", scope="s", ingredients={"items": "1", "more": "3"}).close()
    with pytest.raises(UsageError, match=r"began with other pairs \("):
        open_journal(tmp_path, task_id="t", scope="s", ingredients={"items": "1", "pairs": "3"})
