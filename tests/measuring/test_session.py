"""What the samples of one task share: limits, what earlier starts spent, what is said after."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest

from harness.measuring import session as sessions
from harness.measuring.asking import Arrived, Asker
from harness.measuring.money import Purse
from harness.measuring.options import CompletionOptions
from harness.measuring.session import (
    Overrides,
    Session,
    overriding,
    session,
    task_ended,
    task_started,
)
from harness.wire import Message, Question, Reply

EVAL, TASK = "eval-1", "task-1"
KEYS = ("a#0@1", "b#0@1", "c#0@1")
QUESTIONS = [Question(messages=(Message("user", key),), seed=0) for key in KEYS]


class Answering:
    """An asker whose every answer took 1 000 tokens in and 100 out."""

    identity, stage, model = "one model", "questions", "sim/faithful"
    config = type("Config", (), {"max_tokens": 8})()

    async def ask(self, questions: list[Question], arrived: Arrived, *, block: bool) -> None:
        for index, _ in enumerate(questions):
            arrived(index, Reply(text="4", input_tokens=1000, output_tokens=100))


@pytest.fixture(autouse=True)
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A sample of the task is running, and its log lies in `tmp_path`."""
    sample = SimpleNamespace(
        eval_id=EVAL, run_id="run", eval_set_id=None, log_location=str(tmp_path / "x.eval")
    )
    monkeypatch.setattr(sessions, "sample_active", lambda: sample)
    task_started(EVAL, TASK)
    yield
    task_ended(EVAL)


def opened(**options: Any) -> Session:
    """The session of the running task under these options."""
    return session(CompletionOptions(**options))


def asked(found: Session) -> list[Reply]:
    """The replies to the three questions."""
    return anyio.run(found.ask, cast("Asker", Answering()), KEYS, QUESTIONS)


def limits(purse: Purse) -> tuple[int | None, float | None]:
    return purse.max_calls, purse.budget_usd


@pytest.mark.parametrize(
    ("over", "left"),
    [
        (Overrides(), (3, 1.0)),
        (Overrides(max_calls=9), (9, 1.0)),
        (Overrides(budget_usd=0.0), (3, 0.0)),
        (Overrides(max_calls=9, budget_usd=5.0), (9, 5.0)),
    ],
    ids=["none", "calls", "dollars", "both"],
)
def test_what_is_set_over_a_run_stands_over_its_options(
    over: Overrides, left: tuple[int, float]
) -> None:
    """Each limit by itself: what is not set over the run stays the option's, and 0 is a limit."""
    with overriding(over):
        assert limits(opened(max_calls=3, budget_usd=1.0).purse) == left


def test_a_run_without_limits_has_none() -> None:
    """And one purse may be shared by all runs of a process."""
    assert limits(opened().purse) == (None, None)
    task_ended(EVAL)
    task_started(EVAL, TASK)
    shared = Purse(budget_usd=2.0)
    with overriding(Overrides(purse=shared)):
        assert opened(max_calls=3).purse is shared


@pytest.mark.parametrize(("price", "spent"), [(None, 0.0), ("2,10", 3 * 0.003)])
def test_a_resumed_run_has_paid_for_what_it_was_answered(price: str | None, spent: float) -> None:
    """Calls and dollars of earlier starts are in the purse of the next; what is asked again over
    the run's options (`penchant reask`) begins at nothing."""
    asked(opened(price=price))
    task_ended(EVAL)
    task_started(EVAL, TASK)
    again = opened(price=price)
    assert (again.purse.calls, again.purse.spent) == (3, pytest.approx(spent))
    task_ended(EVAL)
    task_started(EVAL, TASK)
    with overriding(Overrides(reask_failed=True)):
        fresh = opened(price=price)
    assert (fresh.purse.calls, fresh.purse.spent, fresh.reask_failed) == (0, 0.0, True)


def test_what_was_not_asked_is_said_with_its_number() -> None:
    """One line a reason at the end of the task, with how many questions it held back."""
    replies = asked(opened(max_calls=1))
    assert [reply.asked for reply in replies] == [True, False, False]
    assert task_ended(EVAL) == ["2 questions not asked: max_calls=1 is reached"]
    assert task_ended(EVAL) == []


def test_one_session_for_all_samples_of_a_task() -> None:
    """Found by the running sample, and made once."""
    found = opened()
    assert opened() is found and sessions.running_session() is found
    made: list[int] = []
    assert found.once("x", lambda: made.append(1) or 7) == found.once("x", lambda: 8) == 7
    assert made == [1]


class Cheap(Answering):
    """Every answer takes 40 tokens in and 1 out, far less than its limit; each call is counted,
    and held until it is let go."""

    config = type("Config", (), {"max_tokens": 1000})()

    def __init__(self, *, fails: bool = False) -> None:
        self.calls: list[int] = []
        self.go = anyio.Event()
        self.fails = fails

    async def ask(self, questions: list[Question], arrived: Arrived, *, block: bool) -> None:
        self.calls.append(len(questions))
        await self.go.wait()
        if self.fails:
            raise OSError("gone")
        for index, _ in enumerate(questions):
            arrived(index, Reply(text="4", input_tokens=40, output_tokens=1))


MANY = [Question(messages=(Message("user", "x" * 144),), seed=0) for _ in range(24)]
NAMES = [f"q{number}#0@1" for number in range(24)]


async def test_a_budget_is_spent_by_what_answers_cost_and_not_by_their_limits() -> None:
    """24 questions whose limits cost ten times the budget are all asked: first as many as their
    limits allow, then what those left."""
    found, asker = opened(budget_usd=0.005, price="1,2"), Cheap()
    asker.go.set()
    replies = await found.ask(cast("Asker", asker), NAMES, MANY)
    assert [reply.text for reply in replies] == ["4"] * 24
    assert asker.calls == [2, 22]
    assert found.purse.spent == pytest.approx(24 * 42e-6) and found.purse.refused is None
    assert found.purse.reserved == pytest.approx(0, abs=1e-12)


async def test_samples_wait_for_what_others_have_reserved() -> None:
    """One question a sample, all at once: nobody is refused while something is under way."""
    found, asker = opened(budget_usd=0.005, price="1,2"), Cheap()
    replies: list[Reply] = []

    async def sample(number: int) -> None:
        one = slice(number, number + 1)
        replies.extend(await found.ask(cast("Asker", asker), NAMES[one], MANY[one]))

    async with anyio.create_task_group() as group:
        for number in range(24):
            group.start_soon(sample, number)
        await anyio.wait_all_tasks_blocked()
        assert len(asker.calls) == 2
        asker.go.set()
    assert [reply.text for reply in replies] == ["4"] * 24 and not found.not_admitted


async def test_what_was_under_way_and_failed_is_waited_for_by_nobody() -> None:
    """A call that raises frees what was reserved; the others then ask, or are refused for good."""
    found, broken, well = opened(budget_usd=0.005, price="1,2"), Cheap(fails=True), Cheap()
    well.go.set()

    async def breaks() -> None:
        with pytest.raises(OSError, match="gone"):
            await found.ask(cast("Asker", broken), NAMES[:2], MANY[:2])

    replies: list[Reply] = []

    async def waits() -> None:
        replies.extend(await found.ask(cast("Asker", well), NAMES[2:4], MANY[2:4]))

    async with anyio.create_task_group() as group:
        group.start_soon(breaks)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(waits)
        await anyio.wait_all_tasks_blocked()
        assert not replies
        broken.go.set()
    assert [reply.text for reply in replies] == ["4", "4"]
    found.purse.budget_usd = found.purse.spent
    [refused] = await found.ask(cast("Asker", well), NAMES[4:5], MANY[4:5])
    assert refused.error is not None and "would be exceeded" in refused.error and not refused.asked
    assert found.purse.refused == refused.error


async def test_a_question_that_is_too_dear_keeps_no_other_from_being_asked() -> None:
    """In one block: the short ones are asked, the long one is refused, and why is remembered."""
    found, asker = opened(budget_usd=0.005, price="1,2"), Cheap()
    asker.go.set()
    dear = Question(messages=(Message("user", "x" * 40_000),), seed=0)
    long, *short = await found.ask(cast("Asker", asker), NAMES[:4], [dear, *MANY[1:4]])
    assert [reply.text for reply in short] == ["4"] * 3
    assert long.error == found.purse.refused == "not asked: budget_usd=0.005 would be exceeded"
    assert found.not_admitted == {long.error: 1}
