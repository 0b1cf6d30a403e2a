"""The table of realistic answers."""

from pathlib import Path

import msgspec
import pytest

from harness.prompts.catalogue import TEMPLATES
from harness.prompts.labels import label_pair
from harness.prompts.template import ResponseName
from harness.text.answer import Outcome
from harness.text.parse import parse_answer
from harness.wire import Reply, StopReason


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: str
    template: str
    outcome: Outcome
    source: str
    label: str | None = None
    labels: str = "A,B"
    response: ResponseName = "plain"
    stop: StopReason = "stop"
    tool: str | None = None


class Table(msgspec.Struct, forbid_unknown_fields=True):
    answer: list[Row]


ROWS = msgspec.toml.decode(Path(__file__).with_name("answers.toml").read_bytes(), type=Table).answer


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.response}:{row.text[:30]!r}")
def test_answer_reads_as_a_person_would(row: Row) -> None:
    """A realistic answer gets the outcome and the label that a person would give it."""
    template = TEMPLATES[row.template]
    answer = parse_answer(
        Reply(text=row.text, tool_arguments=row.tool, stop=row.stop),
        labels=template.labels or label_pair(row.labels),
        banned=template.banned,
        response=row.response,
        kind=template.kind,
        completes=template.completes,
    )
    assert (answer.outcome, answer.label) == (row.outcome, row.label), answer.reason


def test_table_is_large_enough() -> None:
    """The table holds at least three hundred answers, of every outcome that a text can have."""
    assert len(ROWS) >= 300
    assert {row.outcome for row in ROWS} == {"answered", "refused", "disclaimed", "invalid"}
