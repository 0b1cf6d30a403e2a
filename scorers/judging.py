"""What the scorers that judge have in common: who judges, where it is kept, what is shown."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from inspect_ai.scorer import Score

from harness.errors import UsageError
from harness.measuring.journal import journal_directory
from harness.measuring.judge import JudgeSettings, role_judges
from harness.measuring.judging import Desk, Subject, judge_desk
from harness.measuring.stages import thinking_config
from harness.models.inspect_api import PrerequisiteError, sample_active
from harness.prompts.judge_form import JudgeForm
from harness.records.judgement import RULE, Judgement
from harness.text.verdicts.rules import RULES

__all__ = [
    "JudgeOptions",
    "desk_of",
    "journals_of",
    "judged_score",
    "judgements",
    "read_judge_options",
]


class JudgeOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments that every judging scorer takes (`-S name=value`), see `JudgeSettings`.

    folder: where verdicts are kept; default: `journal/` beside the log that is scored
    max_calls, budget_usd: of a scoring afterwards; within a run its own purse counts
    """

    repeats: int = 1
    temperature: float | None = None
    max_tokens: int | None = None
    thinking: str | int | bool | None = None
    timeout: float = JudgeSettings().timeout
    price: str | None = None
    reask_failed: bool = False
    folder: str | None = None
    max_calls: int | None = None
    budget_usd: float | None = None

    @property
    def settings(self) -> JudgeSettings:
        """How judges are asked."""
        names = JudgeSettings.__struct_fields__
        return JudgeSettings(**{name: getattr(self, name) for name in names})


def read_judge_options(given: Mapping[str, Any], *, scorer: str) -> JudgeOptions:
    """Arguments of a scorer, checked; an error is one line."""
    try:
        options = msgspec.convert(dict(given), JudgeOptions, strict=False)
        options.settings.check(where=f"{scorer}: ")
        thinking_config(options.thinking, option=f"{scorer}: thinking")
    except (msgspec.ValidationError, UsageError) as error:
        raise PrerequisiteError(f"penchant: scorer {scorer}: {error}") from None
    return options


def desk_of(options: JudgeOptions) -> Desk:
    """Where this scoring keeps what judges answer."""
    return judge_desk(
        journals_of(options),
        price=options.price,
        max_calls=options.max_calls,
        budget_usd=options.budget_usd,
        reask_failed=options.reask_failed,
    )


def journals_of(options: JudgeOptions) -> Path:
    """The folder of journals: as given, of the running task, of the log under `inspect score`."""
    folder = options.folder
    if folder is not None:
        return Path(folder).expanduser().absolute()
    active = sample_active()
    if active is not None:
        return journal_directory(active.log_location).absolute()
    command = click.get_current_context(silent=True)
    log = None if command is None else command.params.get("log_file")
    if isinstance(log, str):
        return journal_directory(log).absolute()
    return journal_directory(f"{os.environ.get('INSPECT_LOG_DIR', 'logs')}/log.eval").absolute()


async def judgements(
    form: JudgeForm,
    subjects: Sequence[Subject],
    options: JudgeOptions,
    *,
    values: Mapping[str, str] | None = None,
) -> list[Judgement]:
    """What the rule and every judge of the run's roles say, each subject once.

    `values` fill the form's wording (a topic) and are told to the rule as well.
    """
    once = list({one.key: one for one in subjects}.values())
    found = [_by_rule(form, one, values or {}) for one in once] if form.name in RULES else []
    judges = role_judges(options.settings)
    if judges and once:
        desk, asked = desk_of(options), form.filled(values or {})
        for judge in judges:
            found += await desk.judge(judge, asked, once)
    return found


def _by_rule(form: JudgeForm, subject: Subject, values: Mapping[str, str]) -> Judgement:
    said = RULES[form.name]({**subject.parts, **values})
    return Judgement(
        judge=RULE,
        kind=form.name,
        subject=subject.key,
        value=said.value,
        label=said.label,
        details=said.details or None,
        item=subject.item,
        # A rule that does not score has not failed: there is nothing for it to say.
        outcome="answered" if said.problem is None else "invalid",
        reason=said.problem or "",
    )


def judged_score(
    kind: str, found: Sequence[Judgement], extra: Mapping[str, Any] | None = None
) -> Score:
    """The score of a sample: the mean verdict of the first judge (else of the rule), and the share
    of texts with a verdict; the judgements as metadata."""
    names = list(dict.fromkeys((one.judge, one.judge_identity) for one in found))
    models = [name for name in names if name[0] != RULE] or names
    own = [one for one in found if models and (one.judge, one.judge_identity) == models[0]]
    values = [one.value for one in own if one.value is not None]
    answered = sum(one.outcome == "answered" for one in own)
    return Score(
        value={
            kind: sum(values) / len(values) if values else math.nan,
            "judged": answered / len(own) if own else math.nan,
        },
        explanation=_table(found),
        metadata={"judgements": msgspec.json.encode(found).decode(), **(extra or {})},
    )


def _table(found: Sequence[Judgement]) -> str:
    lines = ["| item | text | judge | verdict | value | outcome | reason |", "|" + "---|" * 7]
    for one in found:
        value = "" if one.value is None else f"{one.value:g}"
        cells = (one.item or "", one.subject, one.judge, one.label or "", value, one.outcome,
                 one.reason)  # fmt: skip
        shown = (cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
        lines.append("| " + " | ".join(shown) + " |")
    return "\n".join(lines)
