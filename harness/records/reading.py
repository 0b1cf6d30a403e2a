"""From a question as asked and its reply to the record: the one place where answers are read."""

from typing import Any

import msgspec

from harness.items.item import text_hash
from harness.records.beside import controls_of
from harness.records.kept import Asked, Common
from harness.records.record import Record
from harness.text.answer import Answer, Outcome
from harness.text.logprobs import Distribution, read_choices, read_logprobs
from harness.text.parse import is_unclear, parse_answer
from harness.wire import Reply

__all__ = ["is_open", "read_record", "reply_key", "settled"]


_SETTLED: dict[str, Outcome] = {
    "(refusal)": "refused",
    "(disclaimer)": "disclaimed",
    "(unclear)": "invalid",
}
"""What a judge may say of an answer besides a label, and the outcome that it is."""


def is_open(common: Common, asked: Asked) -> bool:
    """Whether the rules leave open what the reply answers, so that a judge may settle it."""
    return _distribution(common, asked.reply) is None and is_unclear(_answer(common, asked.reply))


def settled(common: Common, record: Record, verdict: str, *, judge: str) -> Record:
    """An open record as a judge reads its answer: an allowed label, or one of `_SETTLED`.

    ValueError for a record whose answer the rules have read.
    """
    if record.outcome != "invalid":
        raise ValueError(f"outcome {record.outcome!r} is settled by rule")
    by = f"judge {judge}"
    if verdict in _SETTLED:
        outcome, said = _SETTLED[verdict], verdict.strip("()")
        return msgspec.structs.replace(
            record, outcome=outcome, read_by=by, reason=f"{by}: {said}; {record.reason}"
        )
    banned = verdict in common.banned
    return msgspec.structs.replace(
        record,
        outcome="invalid" if banned else "answered",
        answer=None if banned else verdict,
        read_by=by,
        reason=f"{by}: {'banned label' if banned else 'label'}; {record.reason}",
        **({} if banned else _sampled(common, verdict)),
    )


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
        reply_hash=_reply_hash(common, asked),
        controls=controls_of(common, reply),
    )


def _reply_hash(common: Common, asked: Asked) -> str | None:
    """Where an item is done after the choice: what a judge of the deed sees."""
    if not common.completes or asked.reply.error is not None:
        return None
    return reply_key(asked)


def reply_key(asked: Asked) -> str:
    """Hash of the whole prompt and the reply."""
    reply = asked.reply
    said = (str(asked.facts["prompt_hash"]), reply.text, reply.tool_arguments or "")
    return text_hash("\x1f".join(said))


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
        return {"choice": ("first", "second", common.third)[index]}
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
