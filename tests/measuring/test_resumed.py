"""A run that was cut short, one of its ingredients changed under its name, and resumed."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import inspect_ai
import polars as pl
import pytest
from inspect_ai.log import EvalLog
from inspect_ai.model import get_model

from harness.cli.templates import template_toml
from harness.items.item import text_hash
from harness.measuring.journal import journal_directory
from harness.prompts.catalogue import TEMPLATES
from harness.records.logs import read_records
from solvers import questions

ROOT = Path(__file__).resolve().parents[2]
ITEMS = {f"i{n}": f"Write the number {n}." for n in range(6)}
PAIRS = ("i0,i1", "i2,i3", "i4,i5", "i1,i4")


class Run:
    """A run made of files, every one of which can change between a kill and a resumption."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self.kind = kind
        self.items({})
        self.pairs(PAIRS)
        self.pool("sim/faithful")
        self.condition("You love maths.")
        self.template("")

    def items(self, changed: dict[str, str]) -> None:
        """The item file, with some texts changed."""
        rows = [{"id": n, "text": t, "origin": "own"} for n, t in (ITEMS | changed).items()]
        self._write("items.json", json.dumps(rows))

    def pairs(self, pairs: tuple[str, ...]) -> None:
        """The file of pairs."""
        self._write("pairs.csv", "\n".join(("first,second", *pairs)) + "\n")

    def pool(self, model: str) -> None:
        """The pool file: who answers as `pool/x`."""
        self._write("pools.toml", f'[x]\n[[x.endpoints]]\ninspect_model = "{model}"\n')

    def condition(self, text: str) -> None:
        """The file of the system prompt at measurement."""
        self._write("condition.toml", f'name = "own"\ntext = "{text}"\n')

    def template(self, more: str) -> None:
        """The template's file, `more` put in front of its question."""
        known = TEMPLATES["anchored_1_5" if self.kind == "rating" else "simple_preference"]
        when = "post" if self.kind == "rating" else "pre"
        text = template_toml(known).replace(f'"{known.name}"', '"own"', 1)
        self._write("template.toml", text.replace(f"{when} = '''\n", f"{when} = '''\n{more}", 1))

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, "utf-8")

    def start(self, **more: Any) -> EvalLog:
        """Begin it."""
        args: dict[str, Any] = {
            "template": str(self.folder / "template.toml"),
            "items": str(self.folder / "items.json"),
            "measurement_sysprompt": str(self.folder / "condition.toml"),
            "timing": "post" if self.kind == "rating" else "pre",
        }
        file = "rating.py@rating"
        if self.kind == "choice":
            file, args["pairs"] = "pairwise.py@pairwise", str(self.folder / "pairs.csv")
        [log] = inspect_ai.eval(
            str(ROOT / "evals" / file),
            # Not kept for the resumption, which is another process in life and reads the file anew.
            model=get_model("pool/x", memoize=False, file=str(self.folder / "pools.toml")),
            task_args=args,
            log_dir=str(self.folder / "logs"),
            log_realtime=False,
            display="none",
            max_samples=1,
            **more,
        )
        return log

    def resume(self, log: EvalLog) -> EvalLog:
        """Go on with it."""
        [again] = inspect_ai.eval_retry(
            log, log_dir=str(self.folder / "logs"), display="none", log_realtime=False
        )
        return again


def cut_after(monkeypatch: pytest.MonkeyPatch, samples: int) -> None:
    """Every question of one more sample is answered and kept, and then the process is gone."""
    real, made = questions.output_of, []

    def dying(*args: Any) -> Any:
        made.append(args)
        if len(made) > samples:
            raise KeyError("killed here")
        return real(*args)

    monkeypatch.setattr(questions, "output_of", dying)


@contextmanager
def disk_full_after(answers: int) -> Iterator[None]:
    """A disk that takes so many answers more, and a part of the next."""
    real, left = os.write, answers
    full: set[int] = set()

    def write(file: int, data: bytes) -> int:
        nonlocal left
        if file in full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if bytes(data[:7]) == b'{"key":':
            left -= 1
            if left < 0:
                full.add(file)
                return real(file, data[: len(data) // 2])
        return real(file, data)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "write", write)
        yield


def table_of(log: EvalLog, columns: list[str]) -> pl.DataFrame:
    """These columns of a log's records, in an order of the content."""
    return read_records([log.location], cache=False).frame.select(columns).sort(columns)


def error_of(log: EvalLog) -> str:
    """What a log says of its end."""
    return "" if log.error is None else log.error.message


CHANGES: dict[str, Any] = {
    "items": ("items", lambda run: run.items({"i1": "Write the word one."})),
    "an item that is not asked any more": ("items", lambda run: run.items({"i0": "Sing."})),
    "condition": ("measurement_sysprompt own", lambda run: run.condition("You hate maths.")),
    "template": ("wording of template own", lambda run: run.template("Well. ")),
}
MODEL = lambda run: run.pool("sim/noisy")  # noqa: E731


@pytest.mark.parametrize("finished", [0, 2])
@pytest.mark.parametrize("kind", ["rating", "choice"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_ingredient_is_named_and_refused(
    name: str, kind: str, finished: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a run is made of, it goes on with that or not at all, and the line says what."""
    run = Run(tmp_path, kind)
    with monkeypatch.context() as patched:
        cut_after(patched, finished)
        log = run.start()
    assert log.status == "error"
    what, change = CHANGES[name]
    change(run)
    again = run.resume(log)
    assert again.status == "error"
    assert f"began with other {what} (" in error_of(again)


@pytest.mark.parametrize("finished", [0, 2])
def test_changed_pairs_are_refused(
    finished: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another file of pairs under the same name."""
    run = Run(tmp_path, "choice")
    with monkeypatch.context() as patched:
        cut_after(patched, finished)
        log = run.start()
    run.pairs(("i0,i1", "i2,i3", "i4,i5", "i2,i4"))
    assert "began with other pairs (" in error_of(run.resume(log))


@pytest.mark.parametrize("kind", ["rating", "choice"])
def test_another_model_behind_finished_samples_is_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two models never stand under one name in a log."""
    run = Run(tmp_path, kind)
    with monkeypatch.context() as patched:
        cut_after(patched, 2)
        log = run.start()
    MODEL(run)
    again = run.resume(log)
    assert again.status == "error"
    assert "holds finished samples by another " in error_of(again)


@pytest.mark.parametrize("kind", ["rating", "choice"])
def test_what_another_model_answered_is_asked_again_and_said(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers that only the journal holds are not taken from another: all records are as if the
    run had begun with the model that it ended with."""
    said: list[str] = []
    monkeypatch.setattr("harness.measuring.session.say", said.append)
    run = Run(tmp_path, kind)
    with monkeypatch.context() as patched:
        cut_after(patched, 0)
        log = run.start()
    MODEL(run)
    again = run.resume(log)
    assert again.status == "success"
    assert [line for line in said if "answers by another model" in line]
    (tmp_path / "fresh").mkdir()
    fresh = Run(tmp_path / "fresh", kind)
    MODEL(fresh)
    columns = ["rater_identity", "prompt_hash", "repeat", "answer", "outcome"]
    found = table_of(again, columns)
    assert found.equals(table_of(fresh.start(), columns))
    assert found.height == (6 if kind == "rating" else 8)


@pytest.mark.parametrize("kind", ["rating", "choice"])
def test_unchanged_it_goes_on_and_asks_nothing_twice(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many lines in the journal as questions, and every record says its items' texts."""
    run = Run(tmp_path, kind)
    with monkeypatch.context() as patched:
        cut_after(patched, 2)
        log = run.start()
    again = run.resume(log)
    assert again.status == "success"
    frame = read_records([again.location], cache=False).frame
    file = journal_directory(again.location) / f"{again.eval.task_id}.jsonl"
    made = len(ITEMS) if kind == "rating" else 0
    assert len(file.read_bytes().splitlines()) == 1 + made + frame.height
    for column in ("item", "item_first", "item_second"):
        for item, told in frame.select(column, f"item_hash{column[4:]}").drop_nulls().iter_rows():
            assert told == text_hash(ITEMS[item])


@pytest.mark.parametrize("kind", ["rating", "choice"])
@pytest.mark.parametrize("answers", [0, 1, 5, 7])
def test_a_full_disk_ends_the_run_and_resumed_it_equals_the_unbroken(
    kind: str, answers: int, tmp_path: Path
) -> None:
    """A fault of this machine is no question's failure: its line names the file, what was kept is
    not asked again, and the table is that of a run on a disk with room."""
    run = Run(tmp_path, kind)
    with disk_full_after(answers):
        log = run.start()
    assert log.status == "error"
    assert "cannot be written (No space left on device)" in error_of(log)
    again = run.resume(log)
    assert again.status == "success"
    (tmp_path / "fresh").mkdir()
    whole = Run(tmp_path / "fresh", kind).start()
    columns = ["outcome", "prompt_hash", "repeat", "answer", "error"]
    columns += ["item", "item_first", "item_second"]
    found = table_of(again, columns)
    assert found.equals(table_of(whole, columns))
    assert set(found["outcome"]) == {"answered"}
    file = journal_directory(again.location) / f"{again.eval.task_id}.jsonl"
    lines = [json.loads(line) for line in file.read_bytes().splitlines()[1:]]
    assert len(lines) == len({line["key"] for line in lines})
