"""What a resumed run asks again: the questions that failed, where that is wanted, and no other."""

from pathlib import Path
from typing import cast

import anyio
import pytest

from harness.measuring.asking import Arrived, Asker
from harness.measuring.journal import open_journal
from harness.measuring.money import Purse
from harness.measuring.session import Counter
from harness.wire import Message, Question, Reply

KEYS = ("a#0@1", "b#0@1", "c#0@1", "d#0@1")
QUESTIONS = [Question(messages=(Message("user", key),), seed=0) for key in KEYS]


class Flaky:
    """An asker whose calls for `failing` fail; it remembers what it was asked."""

    identity, stage, model = "one model", "questions", "sim/faithful"
    config = type("Config", (), {"max_tokens": 8})()

    def __init__(self, *failing: str) -> None:
        self.failing, self.asked = failing, list[str]()

    async def ask(self, questions: list[Question], arrived: Arrived, *, block: bool) -> None:
        for index, question in enumerate(questions):
            text = question.messages[0].content
            self.asked.append(text)
            error = "HTTP 503" if text in self.failing else None
            arrived(index, Reply(text="" if error else f"to {text}", error=error))


def started(folder: Path, asker: Flaky, *, reask_failed: bool) -> list[Reply]:
    """The replies of one start of the run in `folder`."""
    journal = open_journal(folder, task_id="t", scope="s")
    counter = Counter(journal=journal, purse=Purse(), reask_failed=reask_failed)
    try:
        return anyio.run(counter.ask, cast("Asker", asker), KEYS, QUESTIONS)
    finally:
        journal.close()


@pytest.mark.parametrize("failing", [(), ("b#0@1",), ("a#0@1", "d#0@1"), KEYS[:3]])
def test_what_failed_is_asked_again_and_nothing_else(
    tmp_path: Path, failing: tuple[str, ...]
) -> None:
    """With reask_failed exactly the failed questions are asked; answers stay as they were."""
    before = started(tmp_path, Flaky(*failing), reask_failed=False)
    again = Flaky()
    after = started(tmp_path, again, reask_failed=True)
    assert again.asked == list(failing)
    assert [reply.text for reply in after] == [f"to {key}" for key in KEYS]
    kept = [reply for reply, key in zip(before, KEYS, strict=True) if key not in failing]
    assert [reply for reply, key in zip(after, KEYS, strict=True) if key not in failing] == kept


def test_a_failure_stays_one_unless_it_is_asked_again(tmp_path: Path) -> None:
    """Without reask_failed a resumed run asks nothing that has an answer or a failure."""
    before = started(tmp_path, Flaky("b#0@1"), reask_failed=False)
    again = Flaky()
    assert started(tmp_path, again, reask_failed=False) == before
    assert again.asked == []


def test_what_failed_twice_is_asked_a_third_time(tmp_path: Path) -> None:
    """The last word of the journal counts: a failure after a failure is still one, an answer after
    a failure is an answer."""
    started(tmp_path, Flaky("a#0@1", "b#0@1"), reask_failed=False)
    started(tmp_path, Flaky("b#0@1"), reask_failed=True)
    last = Flaky()
    started(tmp_path, last, reask_failed=True)
    assert last.asked == ["b#0@1"]
