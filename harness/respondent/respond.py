"""The simulated respondent: a pure function from a question to a reply.

It reads only what a model would read (see `reading`). The same question with the same seed gets
the same reply; what is drawn depends on every word of the conversation, on the seed, and on the
respondent's parameters. Where a question has no seed, `rng` is drawn from.
"""

import random
from collections.abc import Sequence

import msgspec

from harness.respondent.draws import Draws, draws
from harness.respondent.form import answered, broken, declined
from harness.respondent.judge import is_judging, judge
from harness.respondent.latent import acts_on
from harness.respondent.measure import Measure
from harness.respondent.phrases import (
    DISCLAIMERS,
    REFUSALS,
    Tone,
    completion_text,
    mention,
    reasoning_text,
    refused_completion,
)
from harness.respondent.reading import Asked, read_conversation
from harness.respondent.settings import Settings
from harness.respondent.tokens import answer_tokens, first_tokens, prompt_tokens
from harness.respondent.utility import Liked, liked
from harness.wire import Question, Reply

__all__ = ["respond"]


def respond(
    question: Question,
    settings: Settings,
    *,
    rng: random.Random,
    temperature: float | None = None,
    logprobs: int | None = None,
    tools: bool = False,
    thinking: bool = False,
) -> Reply:
    """Answer one question.

    `logprobs` asks for that many alternatives of the first answer token, `tools` says that the
    answer tool is offered, `thinking` makes the respondent think first, which counts as
    reasoning. `temperature` changes nothing but for a judge (see `judge`): the planted
    probabilities hold at every one. `rng` is used only where the question has no seed.
    """
    if is_judging(question):
        reply = judge(question, settings, rng=rng, temperature=temperature)
        return _counted(reply, question, None)
    asked = read_conversation(question.messages)
    known = tuple(liked(item, settings) for item in asked.items)
    key = _key(question, settings, rng)
    drawn = draws(key)
    if asked.form is None:
        reply = Reply(text=_completion(asked, known[0], settings, key, drawn))
    else:
        reasoned = thinking or asked.form.response == "reasoned"
        measure = Measure(asked, asked.form, known, settings, reasoned)
        reply = _measured(measure, drawn, key, tools=tools)
        if logprobs or question.choices:
            reply = _with_probabilities(reply, measure, question.choices, logprobs or 0)
    return _counted(reply, question, reasoning_text(drawn.phrase) if thinking else None)


def _key(question: Question, settings: Settings, rng: random.Random) -> list[str]:
    seeded = question.seed is not None
    parts = [settings.key, f"seed {question.seed}" if seeded else f"drawn {rng.getrandbits(64)}"]
    for message in question.messages:
        parts += (message.role, message.content)
    return parts


def _completion(
    asked: Asked, known: Liked, settings: Settings, key: Sequence[str], drawn: Draws
) -> str:
    """Refused at the rate of the item's origin, else a text with the system prompt's tone."""
    if drawn.outcome < known.refusal:
        return refused_completion(drawn.phrase, asked.items[0])
    tone: Tone = 0
    if asked.condition is not None:
        share = settings.tone.get(asked.condition.name, 1.0)
        if share == 1 or draws(("tone", *key)).outcome < share:
            tone = acts_on(asked.condition, known)
    text = completion_text(asked.items[0], tone=tone, key=key, voice=settings.voice)
    share = settings.mentions * (1 - settings.hush * asked.hushed)
    if asked.condition is None or draws(("mentions", *key)).outcome >= share:
        return text
    return f"{mention(drawn.phrase)} {text}"


def _measured(measure: Measure, drawn: Draws, key: Sequence[str], *, tools: bool) -> Reply:
    """Refused, disclaimed, broken or answered, in the planted shares."""
    form, failing = measure.form, measure.failing()
    if drawn.outcome < failing.refused:
        return declined(REFUSALS, form, uniform=drawn.phrase)
    if drawn.outcome < failing.refused + failing.disclaimed:
        return declined(DISCLAIMERS, form, uniform=drawn.phrase)
    if drawn.outcome < sum(failing):
        return broken(form, uniform=drawn.phrase, tools=tools)
    index = measure.draw(drawn)
    then = ""
    items = measure.asked.items
    if form.completes and index < len(items):
        other = draws(("deed", *key)).outcome < measure.settings.label_deed
        done = len(items) - 1 - index if other else index
        then = completion_text(items[done], tone=0, key=key)
    return answered(form.labels[index], form, uniform=drawn.phrase, tools=tools, then=then)


def _with_probabilities(
    reply: Reply, measure: Measure, choices: Sequence[str] | None, logprobs: int
) -> Reply:
    """The exact probabilities beside the answer that was drawn from them."""
    levels, failing = measure.probabilities(), sum(measure.failing())
    labels = measure.form.labels
    top = first_tokens(labels, levels, failing, logprobs) if logprobs else None
    exact = None
    if choices:
        mass = {label: (1 - failing) * level for label, level in zip(labels, levels, strict=True)}
        exact = {choice: mass.get(choice, 0.0) for choice in choices}
    return msgspec.structs.replace(reply, top_logprobs=top, choices=exact)


def _counted(reply: Reply, question: Question, thoughts: str | None) -> Reply:
    tokens = answer_tokens(reply.text + (reply.tool_arguments or ""))
    thinking = answer_tokens(thoughts) if thoughts else None
    return msgspec.structs.replace(
        reply,
        reasoning=thoughts,
        input_tokens=prompt_tokens(question.messages),
        output_tokens=tokens + (thinking or 0),
        reasoning_tokens=thinking,
        seed_honoured=question.seed is not None or None,
    )
