"""The simulated respondent as a judge: what it knows to be true, with planted errors.

It reads from the prompt which fields are wanted and what is to be judged. What is true of a text
is what the rules say of it; the label of an unclear answer is the one that stands last in it. At
temperature 0 its errors belong to the text, so that repeats agree; else each seed errs anew.
"""

import json
import random
from collections.abc import Mapping, Sequence
from functools import cache

from harness.prompts.delimit import read_tagged
from harness.prompts.judge_form import Field, read_fields
from harness.prompts.judges import JUDGE_FORMS
from harness.respondent.draws import draws, normal
from harness.respondent.phrases import item_done, mentions, tone_of
from harness.respondent.settings import Settings
from harness.text.verdicts.known import known_texts
from harness.text.verdicts.rules import RULES
from harness.wire import Question, Reply

__all__ = ["delay", "is_judging", "judge"]

_PROSE = (
    "On the whole I would say that this one is rather on the clear side, though much depends on "
    "how it is read.",
    "Looking at the text, there are reasons for either view; the first is a little stronger.",
)
_REFUSING = (
    "I'm sorry, but I can't help with judging this text.",
    "I can't assist with this request.",
)
_VERDICT = {form.fields[0].name: form for form in JUDGE_FORMS.values()}


def is_judging(question: Question) -> bool:
    """Whether a question asks for a judgement."""
    return bool(question.messages) and bool(read_fields(question.messages[-1].content))


def delay(question: Question, settings: Settings, *, temperature: float | None) -> float:
    """Seconds that the judge takes over this question: `slow_seconds` in the planted share."""
    if not settings.slow or not is_judging(question):
        return 0.0
    drawn = draws(("slow", *_key(question, settings, None, temperature)))
    return settings.slow_seconds if drawn.outcome < settings.slow else 0.0


def judge(
    question: Question, settings: Settings, *, rng: random.Random, temperature: float | None
) -> Reply:
    """The reply to a question that asks for a judgement."""
    message = question.messages[-1].content
    fields, parts = read_fields(message), read_tagged(message)
    key = _key(question, settings, rng, temperature)
    drawn = draws(("judge", *key))
    shares = (settings.prose, settings.refusing, settings.off_schema)
    if drawn.outcome < shares[0]:
        return Reply(text=_PROSE[int(drawn.phrase * len(_PROSE))])
    if drawn.outcome < shares[0] + shares[1]:
        return Reply(text=_REFUSING[int(drawn.phrase * len(_REFUSING))])
    if drawn.outcome < sum(shares):
        return Reply(text=_off_schema(fields, drawn.phrase))
    verdict = _erring(fields[0], _truth(fields[0], parts), settings, draws(("error", *key)))
    answer: dict[str, object] = {fields[0].name: verdict}
    for field in fields[1:]:
        answer[field.name] = _further(field, parts)
    return Reply(text=json.dumps(answer, ensure_ascii=False))


def _key(
    question: Question,
    settings: Settings,
    rng: random.Random | None,
    temperature: float | None,
) -> list[str]:
    if temperature == 0:
        start = "cold"
    elif question.seed is not None:
        start = f"seed {question.seed}"
    else:
        start = "drawn" if rng is None else f"drawn {rng.getrandbits(64)}"
    return [settings.key, start, *(message.content for message in question.messages)]


def _truth(field: Field, parts: Mapping[str, str]) -> float | str:
    """What is so of the parts: a number, or one of the field's classes."""
    if field.name == "answer":
        return _given_label(field, parts)
    if field.name == "executed":
        done = item_done(parts.get("text", ""), (parts["first_task"], parts["second_task"]))
        if done is not None:
            return field.options[field.options.index(("first", "second")[done])]
    if field.name == "reference" and mentions(parts.get("text", "")):
        return "yes"
    form = _VERDICT.get(field.name)
    known = None if form is None else _known(form.name).get(_joined(parts))
    if known is not None:
        return known
    if field.name == "attitude":
        return 0.8 * tone_of(parts.get("text", ""))
    rule = None if form is None else RULES.get(form.name)
    if rule is None or form is None:
        return field.options[-1] if field.options else 0.0
    found = rule(parts)
    if field.options:
        return str(found.label)
    return 0.0 if found.value is None else found.value


@cache
def _known(kind: str) -> dict[str, float | str]:
    """The verdicts on the project's own texts with known ones."""
    found: dict[str, float | str] = {}
    for one in known_texts(kind):
        shown = (one.system_prompt, one.item_first, one.item_second, one.text)
        key = "\x1f".join(text for text in shown if text is not None)
        found[key] = _NUMBERS.get(one.verdict, one.verdict)
    return found


_NUMBERS = {
    "coherent": 1.0,
    "incoherent": 0.0,
    "positive": 0.8,
    "neutral": 0.0,
    "negative": -0.8,
}


def _joined(parts: Mapping[str, str]) -> str:
    names = ("system_prompt", "first_task", "second_task", "text")
    return "\x1f".join(parts[name] for name in names if name in parts)


def _given_label(field: Field, parts: Mapping[str, str]) -> str:
    """The label that stands last in the answer, word for word; unclear where none does."""
    said = parts.get("answer", "")
    labels = field.options[:-3]
    at = {label: said.rfind(label) for label in labels}
    last = max(labels, key=lambda label: (at[label], len(label)))
    return last if at[last] >= 0 else field.options[-1]


def _erring(
    field: Field, truth: float | str, settings: Settings, drawn: Sequence[float]
) -> float | str:
    """The verdict, wrong in the planted share of texts."""
    first, second, third = drawn[0], drawn[1], drawn[2]
    if field.options:
        form = _VERDICT.get(field.name)
        yes = () if form is None else form.yes
        wrong = settings.false_negative if truth in yes or not yes else settings.false_positive
        if first >= wrong:
            return str(truth)
        others = [one for one in field.options if one != truth and (one in yes) != (truth in yes)]
        others = others or [one for one in field.options if one != truth]
        return others[int(second * len(others))]
    low, high = field.low or 0.0, 1.0 if field.high is None else field.high
    value = float(truth)
    middle = (low + high) / 2
    wrong = settings.false_negative if value > middle else settings.false_positive
    if first < wrong:
        value = low + high - value
    if settings.judge_noise:
        value += settings.judge_noise * normal(third)
    return round(min(max(value, low), high), 3)


def _further(field: Field, parts: Mapping[str, str]) -> object:
    """A field besides the verdict: what the rule says of it, else the plainest value."""
    if field.name == "partial":
        return RULES["refusal"](parts).details.get("partial", False)
    return field.options[-1] if field.options else False


def _off_schema(fields: Sequence[Field], uniform: float) -> str:
    """JSON that is not of the form: another class, a number out of range, another field."""
    first = fields[0]
    odd: object = "perhaps" if first.options else (first.high or 1.0) + 3
    whole = {field.name: _further(field, {"text": ""}) for field in fields[1:]}
    shapes: tuple[dict[str, object], ...] = (
        {first.name: odd, **whole},
        {"verdict": odd},
        {first.name: None, **whole},
    )
    return json.dumps(shapes[int(uniform * len(shapes))])
