"""What rating and choosing share: every question of a sample asked, every reply kept."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageUser
from inspect_ai.solver import TaskState

from harness.errors import ServiceError
from harness.measuring.asking import chat, rendering
from harness.measuring.measure import Measure, Planned, Prepared
from harness.measuring.session import session
from harness.models.inspect_api import LimitExceededError
from harness.models.replies import shown_reply
from harness.models.sample_limit import limit_name
from harness.notices import say
from harness.prompts.spans import Spans
from harness.records.judgement import Judgement
from harness.records.kept import NOTHING, Asked, output_of
from harness.records.reading import read_record
from harness.wire import Message, Question, Reply

__all__ = ["measured"]

_NEARLY_ALL = 0.99
"""Alternatives of so much probability together leave out nothing that counts."""


async def measured(
    state: TaskState,
    measure: Measure,
    plan: Sequence[Planned],
    judged: Sequence[Judgement] = (),
) -> TaskState:
    """Ask all repeats of the planned questions and leave the replies in the sample's output.

    `judged` is what was found of the completions before; without a question left it says why.
    """
    shared = session(measure.options)
    prepared = shared.once("measure", measure.prepare)
    shared.refuse_others("rater_identity", prepared.common.facts["rater_identity"])
    in_pilot = await shared.pilot.enter(len(plan) * measure.options.seeds)
    done: list[Asked] = []

    def keep() -> None:
        judgements = [*_judgements(plan), *judged]
        state.output = output_of(str(state.model), prepared.common, done, judgements)

    try:
        questions = await _ask(state.epoch, measure, prepared, plan, done)
    except LimitExceededError:
        # A limit of Inspect's ends the sample: what was answered is paid for.
        if done:
            keep()
        raise
    finally:
        if in_pilot:
            outcomes = [read_record(prepared.common, one).outcome for one in done]
            shared.pilot_sample_over(outcomes)
    keep()
    state.messages = _conversation(questions, done)
    return state


async def _ask(
    epoch: int, measure: Measure, prepared: Prepared, plan: Sequence[Planned], done: list[Asked]
) -> dict[str, Question]:
    """Fill `done`, one entry a planned question and repeat, in order; what was asked, by key."""
    questions: dict[str, Question] = {}
    facts: dict[str, dict[str, Any]] = {}
    replies: dict[str, Reply] = {}
    for planned in plan:
        failure = planned.failure()
        rendered: dict[tuple[int, int], tuple[tuple[Message, ...], Spans | None]] = {}
        for repeat in measure.repeats(epoch):
            variant = measure.variants.at(planned.start, repeat)
            if variant.key not in rendered:
                messages = () if failure is not None else planned.messages(variant)
                spans = planned.spans(messages) if prepared.spans and messages else None
                rendered[variant.key] = messages, spans
            messages, spans = rendered[variant.key]
            key, question, own = measure.asked(prepared, planned.key, messages, repeat, spans)
            facts[key] = {
                **planned.record_facts(),
                **own,
                **prepared.pushed(planned.facts),
                **variant.facts,
            }
            if failure is not None:
                replies[key] = failure
            else:
                questions[key] = question
    shared = session(measure.options)
    try:
        asked = await shared.ask(prepared.asker, list(questions), list(questions.values()))
    except LimitExceededError as error:
        reason = f"{limit_name(error.type, error.limit)} ended the sample"
        missed = Reply(error=reason, stop="unknown", asked=False)
        kept = shared.kept(prepared.asker, list(questions), list(questions.values()))
        replies.update({key: reply or missed for key, reply in zip(questions, kept, strict=True)})
        done += [Asked(key=key, facts=own, reply=replies[key]) for key, own in facts.items()]
        raise
    replies.update(zip(questions, asked, strict=True))
    if (fewer := _fewer_alternatives(asked, prepared.asker.config.top_logprobs)) is not None:
        shared.once("fewer alternatives", lambda: say(f"{prepared.asker.model} {fewer}"))
    if prepared.common.readout == "logprobs":
        _check_logprobs(asked, str(prepared.asker.model))
    done += [Asked(key=key, facts=own, reply=replies[key]) for key, own in facts.items()]
    return questions


def _judgements(plan: Sequence[Planned]) -> list[Judgement]:
    """What the rule says of the completions that were asked about, each text once."""
    found = (one.judgement() for planned in plan for one in planned.completions)
    return list({one.subject: one for one in found if one is not None}.values())


def _fewer_alternatives(replies: Sequence[Reply], asked: int | None) -> str | None:
    """What to say where a server gave fewer alternatives than asked and left something out."""
    for reply in replies:
        top = reply.top_logprobs
        if asked is None or top is None or len(top) >= asked:
            continue
        mass = sum(math.exp(min(one.logprob, 0.0)) for one in top)
        if mass < _NEARLY_ALL:
            return (
                f"gives {len(top)} alternatives of a token where {asked} were asked for: "
                f"{1 - mass:.0%} of one answer's probability is not told (label_mass says how much "
                "each record has)"
            )
    return None


def _check_logprobs(replies: Sequence[Reply], model: str) -> None:
    """End the run where the provider leaves out what every question needs."""
    answered = [reply for reply in replies if reply.error is None and reply.stop == "stop"]
    if answered and all(r.top_logprobs is None and r.choices is None for r in answered):
        raise ServiceError(
            f"readout=logprobs: {model} gave no log-probabilities; use readout=sample or auto"
        )


def _conversation(questions: Mapping[str, Question], done: Sequence[Asked]) -> list[ChatMessage]:
    """What the log shows: the real conversation of a single question; of several the questions in
    one message, as Inspect's event has them, and the answers in another, each with its items.

    A message a question would read as well, and cost a millisecond and .2 kB each.
    """
    if len(done) == 1:
        asked = questions.get(done[0].key)
        answer = ChatMessageAssistant(content=shown_reply(done[0].reply))
        return [*([] if asked is None else chat(asked.messages)), answer]
    answers = [
        f"{number} · {_about(one.facts)}: {shown_reply(one.reply)}"
        for number, one in enumerate(done, start=1)
    ]
    shown: list[ChatMessage] = []
    if questions:
        shown.append(ChatMessageUser(content=rendering(list(questions.values()))))
    # A blank line between, since the viewer reads an answer as Markdown.
    shown.append(ChatMessageAssistant(content="\n\n".join(answers) or NOTHING))
    return shown


def _about(facts: Mapping[str, Any]) -> str:
    items = (facts.get(name) for name in ("item", "item_first", "item_second"))
    return " vs ".join(str(item) for item in items if item is not None)
