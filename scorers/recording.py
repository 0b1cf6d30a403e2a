"""What the scorers of measurements share: records from a sample's output, and a table of them."""

from collections.abc import Callable, Sequence

import msgspec
from inspect_ai.scorer import Metric, MetricProtocol, SampleScore
from inspect_ai.solver import TaskState

from harness.errors import UsageError
from harness.models.sample_limit import ended_by
from harness.records.judgement import Judgement
from harness.records.kept import kept_of
from harness.records.reading import read_record
from harness.records.record import Record
from harness.records.scored import Scored

__all__ = ["answers", "as_metric", "judgements_of", "levels_of", "records_in", "rows_of", "table"]


_SHOWN = 10
"""Answers that a sample's line in a log shows; its explanation has a table of all."""


def rows_of(state: TaskState) -> list[Record]:
    """One record a question, in the order asked.

    UsageError where a limit of Inspect's ended the sample before it was measured; ValueError where
    its output is not one of our solvers': nothing can be read from it.
    """
    kept = kept_of(state.output)
    if kept is None:
        if (limit := ended_by()) is not None:
            raise UsageError(
                f"{limit} ended the sample before it was measured; expected one that all its "
                "completions and questions fit in (fewer with -T block), or none"
            )
        raise ValueError("this sample holds no measurement: its output has no questions")
    sample = f"{state.sample_id}:{state.epoch}"
    return [
        msgspec.structs.replace(read_record(kept.common, asked), sample_id=sample)
        for asked in kept.asked
    ]


def judgements_of(state: TaskState, more: Sequence[Judgement] = ()) -> str:
    """The verdicts on the sample's completions and `more`, as the JSON text of their list."""
    text = str((state.output.metadata or {}).get("judgements", "[]"))
    if not more:
        return text
    kept = msgspec.json.decode(text, type=list[Judgement])
    return msgspec.json.encode([*kept, *more]).decode()


def levels_of(state: TaskState) -> tuple[float, ...]:
    """Values of the template's declared levels, lowest first."""
    kept = kept_of(state.output)
    return () if kept is None else kept.common.values


def table(
    records: Sequence[Record], columns: Sequence[str], shown: Callable[[Record], tuple[str, ...]]
) -> str:
    """Markdown: one line a question with its answer, its outcome and how that was reached."""
    head = ["#", *columns, "answer", "outcome", "reason"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for number, record in enumerate(records, start=1):
        cells = (*shown(record), record.answer or "", record.outcome, record.reason)
        lines.append("| " + " | ".join((str(number), *(_cell(cell) for cell in cells))) + " |")
    return "\n".join(lines)


def answers(said: Sequence[str]) -> str:
    """The sample's answers in a line, and where it is not all of them how many there are.

    The number stands in front, where a list that cuts the line short still shows it.
    """
    if len(said) <= _SHOWN:
        return ", ".join(said)
    return f"{_SHOWN} of {len(said)}: {', '.join(said[:_SHOWN])}, …"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def records_in(scores: Sequence[SampleScore]) -> list[Record]:
    """The records that the scores of an eval carry."""
    found = Scored()
    for score in scores:
        found.add(score.score.metadata or {}, ("records",))
    return found.records


def as_metric(compute: MetricProtocol) -> Metric:
    """`compute`, as the decorator's type wants it."""
    return compute
