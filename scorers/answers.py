"""The last step of the reading cascade: answers that the rules leave open, settled by a judge."""

from typing import Any

from inspect_ai.solver import TaskState
from msgspec.structs import replace

from harness.measuring.judge import JUDGE_ROLES, role_judges
from harness.measuring.judging import Subject
from harness.models.inspect_api import model_roles, sample_active
from harness.prompts.judges import answer_form
from harness.records.conversations import prompts_in
from harness.records.judgement import Judgement
from harness.records.kept import Asked, kept_of
from harness.records.reading import is_open, reply_key, settled
from harness.records.record import Record
from harness.wire import Message
from scorers.judging import desk_of, read_judge_options
from scorers.recording import rows_of

__all__ = ["settled_rows"]


async def settled_rows(
    state: TaskState, judge: bool | None, options: dict[str, Any], *, scorer: str
) -> tuple[list[Record], list[Judgement]]:
    """The sample's records, open answers as the role `judge` reads them, and what it said.

    `judge` None: where a log is scored afterwards with such a role. What the rules have read is
    never shown to a judge. One that fails, or says unclear, leaves the record invalid.
    """
    chosen = read_judge_options(options, scorer=scorer)
    records = rows_of(state)
    kept = kept_of(state.output)
    wanted = judge if judge is not None else sample_active() is None
    if not wanted or kept is None or JUDGE_ROLES[0] not in model_roles():
        return records, []
    left = [index for index, asked in enumerate(kept.asked) if is_open(kept.common, asked)]
    if not left:
        return records, []
    [first, *_] = role_judges(chosen.settings)
    form = answer_form((*kept.common.allowed, *kept.common.banned))
    prompts = prompts_in(state.messages)
    subjects = {index: _subject(kept.asked[index], prompts) for index in left}
    found = await desk_of(chosen).judge(first, form, list(subjects.values()))
    said = {one.subject: one for one in found if one.repeat == 0}
    for index, subject in subjects.items():
        verdict, name = said[subject.key], str(first.model)
        if verdict.label is not None:
            records[index] = settled(kept.common, records[index], verdict.label, judge=name)
        else:
            reason = f"judge {name} failed: {verdict.reason}; {records[index].reason}"
            records[index] = replace(records[index], reason=reason)
    return records, found


def _subject(asked: Asked, prompts: dict[str, tuple[Message, ...]]) -> Subject:
    """The reply with the question that it answers, where the log shows it."""
    prompt = prompts.get(str(asked.facts["prompt_hash"]))
    said = (asked.reply.text, asked.reply.tool_arguments)
    parts = {"answer": "\n".join(part for part in said if part)}
    if prompt is not None:
        parts = {"question": prompt[-1].content, **parts}
    return Subject(key=reply_key(asked), parts=parts)
