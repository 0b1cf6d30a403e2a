"""Completions that give their system prompt away, kept out of what is measured."""

from collections.abc import Mapping

import msgspec

from harness.errors import ServiceError
from harness.measuring.completer import Completer
from harness.measuring.journal import journal_directory
from harness.measuring.judge import judge_settings, role_judges
from harness.measuring.judging import Subject, judge_desk
from harness.measuring.options import ChoiceOptions, RatingOptions
from harness.models.inspect_api import sample_active
from harness.prompts.judges import SYSPROMPT_REFERENCE
from harness.records.judgement import DROPPED, RULE, Judgement
from harness.records.kept import Completion
from harness.text.verdicts.rules import RULES

__all__ = ["clean"]


async def clean(
    options: RatingOptions | ChoiceOptions,
    completer: Completer,
    completions: Mapping[str, Completion],
) -> tuple[dict[str, Completion], list[Judgement]]:
    """Completions by item id that may be measured, and what was judged of all.

    With the option `drop_contaminated`, those that refer to their system prompt are left out; each
    has a judgement of the kind `dropped` that names its item. The role `judge` decides where it is
    given, else the rule; where a judge fails, nothing is known against the completion.
    """
    system = completer.system
    if not options.drop_contaminated or system is None:
        return dict(completions), []
    made = {item: one for item, one in completions.items() if one.error is None}
    subjects = [
        Subject(key=one.hash, parts={"system_prompt": system, "text": one.text}, item=item)
        for item, one in made.items()
    ]
    found = await _judged(options, subjects)
    against = {one.subject: one for one in found if one.value is not None and one.value >= 0.5}
    dropped = {item: against[one.hash] for item, one in made.items() if one.hash in against}
    found += [
        msgspec.structs.replace(verdict, kind=DROPPED, item=item)
        for item, verdict in dropped.items()
    ]
    return {item: one for item, one in completions.items() if item not in dropped}, found


async def _judged(
    options: RatingOptions | ChoiceOptions, subjects: list[Subject]
) -> list[Judgement]:
    settings = judge_settings(options)
    judges = role_judges(settings)
    if not judges:
        return [_by_rule(one) for one in subjects]
    active = sample_active()
    if active is None:
        raise ServiceError("no Inspect sample is running here")
    desk = judge_desk(journal_directory(active.log_location).absolute(), price=settings.price)
    first = msgspec.structs.replace(settings, repeats=1)
    return await desk.judge(role_judges(first)[0], SYSPROMPT_REFERENCE, subjects)


def _by_rule(subject: Subject) -> Judgement:
    said = RULES[SYSPROMPT_REFERENCE.name](subject.parts)
    return Judgement(
        judge=RULE,
        kind=SYSPROMPT_REFERENCE.name,
        subject=subject.key,
        value=said.value,
        label=said.label,
        details=said.details or None,
        item=subject.item,
        reason=said.problem or "",
    )
