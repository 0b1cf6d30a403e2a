"""Judging the completions of a sample, of any kind of judgement."""

from collections.abc import Mapping

from inspect_ai.scorer import Score
from inspect_ai.solver import TaskState

from harness.errors import UsageError
from harness.measuring.judging import Subject
from harness.prompts.conditions import CONDITIONS, Condition, completion_system, condition
from harness.prompts.judge_form import JudgeForm
from harness.records.judgement import RULE, Judgement
from harness.text.verdicts.rules import RULES
from harness.where import SHELL_DIRECTORY
from scorers.judging import JudgeOptions, journals_of, judged_score, judgements
from scorers.subjects import Text, completions_of, missing_text

__all__ = ["judged_completions"]

COHERENT = 0.5
"""A text below this coherence is none that an attitude could speak from."""


async def judged_completions(
    state: TaskState,
    form: JudgeForm,
    options: JudgeOptions,
    *,
    values: Mapping[str, str] | None = None,
    coherent: bool = False,
    sysprompt: str | None = None,
) -> Score:
    """The score of a sample whose completions are judged by `form`.

    `values` fill its wording. `coherent`: only texts that are language by rule. `sysprompt` (a file
    or "") is for a form that shows each text's system prompt beside it.
    """
    subjects: list[Subject] = []
    found: list[Judgement] = []
    for text in completions_of(state, journals_of(options)):
        if text.text is None:
            found.append(missing_text(form.name, text.hash, text.item))
            continue
        parts = {"text": text.text}
        if sysprompt is not None:
            named = _system(text, sysprompt)
            if named is None:
                found.append(_without_prompt(form, text))
                continue
            parts = {"system_prompt": named, **parts}
        if coherent and (no := _gibberish(form, text)) is not None:
            found.append(no)
            continue
        subjects.append(Subject(key=text.hash, parts=parts, item=text.item))
    found += await judgements(form, subjects, options, values=values)
    return judged_score(form.name, found)


def _system(text: Text, given: str) -> str | None:
    """The system message under which a text was written, None for none.

    UsageError where it is neither built in nor given.
    """
    named = CONDITIONS.get(text.sysprompt)
    if named is None:
        named = _given(text, given)
    return completion_system(named)


def _given(text: Text, given: str) -> Condition:
    if not given:
        raise UsageError(
            f"system prompt {text.sysprompt!r} is not built in; expected -S sysprompt=FILE.toml"
        )
    named = condition(given, base=SHELL_DIRECTORY)
    if named.name != text.sysprompt:
        raise UsageError(
            f"sysprompt={given!r} is named {named.name!r}; the completions were made under "
            f"{text.sysprompt!r}"
        )
    return named


def _without_prompt(form: JudgeForm, text: Text) -> Judgement:
    return Judgement(
        judge=RULE, kind=form.name, subject=text.hash, item=text.item, outcome="invalid",
        reason="no system prompt",
    )  # fmt: skip


def _gibberish(form: JudgeForm, text: Text) -> Judgement | None:
    """The judgement of a text that is no language; None where it is some."""
    said = RULES["coherence"]({"text": text.text or ""}) if "coherence" in RULES else None
    if said is None or said.value is None or said.value >= COHERENT:
        return None
    return Judgement(
        judge=RULE, kind=form.name, subject=text.hash, item=text.item, outcome="invalid",
        reason="not coherent",
    )  # fmt: skip
