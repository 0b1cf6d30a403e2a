"""From a question as asked and its reply to the record: the one place where answers are read."""

from typing import Any

from harness.records.kept import Asked, Common
from harness.records.record import Record
from harness.text.answer import Answer
from harness.text.logprobs import Distribution, read_choices, read_logprobs
from harness.text.parse import parse_answer
from harness.wire import Reply

__all__ = ["read_record"]


def read_record(common: Common, asked: Asked) -> Record:
    """The record of one question. A refused, unreadable or failed reply has no value."""
    reply = asked.reply
    distribution = _distribution(common, reply)
    if distribution is None:
        readout = "sample"
        answer = _answer(common, reply)
        found = {} if answer.label is None else _sampled(common, answer.label)
    else:
        readout = "logprobs"
        answer, found = _expected(common, distribution)
    return Record(
        **common.facts,
        **asked.facts,
        **found,
        readout=readout,
        outcome=answer.outcome,
        answer=answer.label,
        reason=f"{answer.reason}: {reply.detail}" if reply.detail else answer.reason,
        seed_honoured=reply.seed_honoured,
        endpoint=reply.endpoint,
        fingerprint=reply.fingerprint,
        latency=reply.latency,
        input_tokens=reply.input_tokens if reply.usage_known else None,
        output_tokens=reply.output_tokens if reply.usage_known else None,
        error=reply.error,
        asked=reply.asked,
    )


def _answer(common: Common, reply: Reply) -> Answer:
    if common.readout == "logprobs" and reply.error is None and reply.stop != "content_filter":
        return Answer(outcome="invalid", reason="no log-probabilities came with the reply")
    return parse_answer(
        reply,
        labels=common.allowed,
        banned=common.banned,
        response=common.facts["response"],
        kind=common.facts["kind"],
        completes=common.completes,
    )


def _distribution(common: Common, reply: Reply) -> Distribution | None:
    """Probabilities of the labels where the read-out is by log-probability and there are any."""
    if common.readout == "sample" or reply.error is not None:
        return None
    if reply.choices is not None:
        return read_choices(reply.choices, common.allowed)
    if reply.top_logprobs is not None:
        return read_logprobs(reply.top_logprobs, common.allowed)
    return None


def _sampled(common: Common, label: str) -> dict[str, Any]:
    index = common.allowed.index(label)
    if common.facts["kind"] == "choice":
        return {"choice": ("first", "second")[index]}
    value = common.values[index]
    return {"value": value, "normalised": _normalised(common, value)}


def _expected(common: Common, found: Distribution) -> tuple[Answer, dict[str, Any]]:
    """The likeliest label as the answer, and expectations under the renormalised probabilities."""
    facts: dict[str, Any] = {"label_mass": found.mass}
    if found.mass <= 0 or found.mass < common.min_label_mass:
        reason = f"label mass {found.mass:.3f} below {common.min_label_mass:g}"
        return Answer(outcome="invalid", reason=reason), facts
    facts["probabilities"] = dict(found.probabilities)
    label = max(common.allowed, key=lambda label: found.probabilities.get(label, 0.0))
    answer = Answer(outcome="answered", label=label, reason="log-probabilities")
    shares = [found.probabilities.get(label, 0.0) for label in common.allowed]
    if common.facts["kind"] == "choice":
        facts |= {"p_first": shares[0], "choice": ("first", "second")[shares[1] > shares[0]]}
    else:
        value = sum(p * value for p, value in zip(shares, common.values, strict=True))
        facts |= {"value": value, "normalised": _normalised(common, value)}
    return answer, facts


def _normalised(common: Common, value: float) -> float:
    low, high = min(common.values), max(common.values)
    return (value - low) / (high - low)
