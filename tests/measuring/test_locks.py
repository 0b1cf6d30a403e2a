"""One process at a time for a task and for an eval-set."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.measuring.hooks import RunHooks
from harness.measuring.locks import held_elsewhere, hold, lock_path, release

HOLD = """
import sys
from pathlib import Path
from harness.measuring.locks import hold
hold(Path(sys.argv[1]), what="this")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def another_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock until it is killed."""
    line = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(
        line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_the_second_is_told_who_holds_it_and_a_kill_frees_it(tmp_path: Path) -> None:
    """The lock is gone with its holder, and no file that it leaves stands in the way."""
    path = lock_path(tmp_path, "task", "t")
    with another_process(path) as process:
        with pytest.raises(UsageError, match=rf"this task is run by process {process.pid} on "):
            hold(path, what="this task")
        who = held_elsewhere(path)
        assert who is not None
        assert f"process {process.pid} on {os.uname().nodename}, since 20" in who
    assert held_elsewhere(path) is None
    hold(path, what="this task")
    hold(path, what="this task")
    assert held_elsewhere(path) is None
    release(path)


def test_what_is_given_back_another_process_may_hold(tmp_path: Path) -> None:
    """A finished task's lock does not last until its process ends."""
    path = lock_path(tmp_path, "task", "t")
    hold(path, what="this task")
    release(path)
    with another_process(path):
        assert held_elsewhere(path) is not None


async def test_an_eval_set_that_runs_ends_the_second_before_it_begins(tmp_path: Path) -> None:
    """Not an error of one of its tasks, which Inspect would try again ten times."""
    from inspect_ai.hooks import EvalSetStart

    started = EvalSetStart(eval_set_id="e", log_dir=str(tmp_path))
    await RunHooks().on_eval_set_start(started)
    with (
        another_process(lock_path(tmp_path / "journal", "eval-set", "e")),
        pytest.raises(SystemExit, match="is run by process"),
    ):
        await RunHooks().on_eval_set_start(started)
    other = EvalSetStart(eval_set_id="other", log_dir=str(tmp_path))
    await RunHooks().on_eval_set_start(other)
