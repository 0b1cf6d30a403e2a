"""Any interleaving of asking, kills, changes of who answers, and resumptions."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.measuring.asking import Arrived, Asker
from harness.measuring.journal import open_journal
from harness.measuring.money import Purse
from harness.measuring.session import Counter
from harness.wire import Message, Question, Reply

KEYS = [f"i{n}#0@{n:04x}" for n in range(4)]
WHO = ("model a", "model b", "model a, vector replaced", "model a, temperature 1")


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Answering:
    """Stands in for an `Asker`: its answers name it, the seed and the question.

    It is killed after `left` answers.
    """

    identity: str
    left: int
    asked: list[str] = field(default_factory=list)
    model: Any = "sim/faithful"
    stage: str = "questions"
    config: Any = None

    def __post_init__(self) -> None:
        self.config = type("Config", (), {"max_tokens": 8})()

    async def ask(
        self, questions: list[Question], arrived: Arrived, *, block: bool = False
    ) -> list[Reply]:
        """Answer one after another."""
        for index, question in enumerate(questions):
            if self.left == 0:
                raise Killed
            self.left -= 1
            text = named(self.identity, question)
            self.asked.append(text)
            arrived(index, Reply(text=text))
        return []


def named(identity: str, question: Question) -> str:
    """What that respondent answers to the question."""
    return f"{identity} | {question.seed} | {question.messages[0].content} | {question.choices}"


STEPS = st.lists(
    st.tuples(
        st.sampled_from(WHO),
        st.sampled_from([None, 0, 1]),
        st.booleans(),
        st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True),
        st.integers(0, 6),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_an_answer_is_of_whom_and_what_was_asked_and_nobody_is_asked_twice(
    steps: list[tuple[str, int | None, bool, list[str], int]],
) -> None:
    """Each step resumes with some respondent, seed and form, and may be killed on the way: every
    reply is that respondent's to that question, and what was answered once is never asked again."""
    asked: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for who, seed, exact, keys, left in steps:
            journal = open_journal(Path(folder), task_id="t", scope="s")
            counter = Counter(journal=journal, purse=Purse(None, None), reask_failed=False)
            asker = Answering(who, left)
            choices = ("A", "B") if exact else None
            questions = [
                Question(messages=(Message("user", key),), seed=seed, choices=choices)
                for key in keys
            ]
            try:
                replies = anyio.run(counter.ask, cast("Asker", asker), keys, questions)
            except Killed:
                replies = []
            for question, reply in zip(questions, replies, strict=False):
                assert reply.text == named(who, question)
            asked += asker.asked
            journal.close()
    assert len(asked) == len(set(asked))
