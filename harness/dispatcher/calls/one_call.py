"""One short call to an endpoint, to see that it answers and what its headers say."""

import msgspec
from inspect_ai.model import ChatMessageUser, GenerateConfig

from harness.dispatcher.calls.payload import Payload
from harness.dispatcher.calls.pool import Pool
from harness.dispatcher.job import Job
from harness.dispatcher.poolfile import EndpointSpec, PoolSpec
from harness.errors import ServiceError

__all__ = ["one_call"]

_WORDS = "Reply with the word yes."


async def one_call(spec: EndpointSpec) -> str:
    """Limits learned and who answered, in a few words; ServiceError with the server's reason."""
    pool = Pool(PoolSpec(endpoints=(spec,), name=spec.name, label=spec.equivalence, patience=30.0))
    config = GenerateConfig(max_tokens=16)
    payload = Payload(
        messages=msgspec.json.encode([{"role": "user", "content": _WORDS}]),
        options=b"",
        max_tokens=16,
        native=lambda: ([ChatMessageUser(content=_WORDS)], [], "none", config),
    )
    try:
        ended = await pool.ask(Job(payload=payload, size=80, max_tokens=16))
    finally:
        limits = pool.endpoints[0].limits
        await pool.aclose()
    reply = ended.reply
    if reply.error is not None:
        raise ServiceError(reply.error)
    known = ", ".join(f"{limit:,.0f} {unit}/min" for unit, limit in limits.items())
    return f"{known or 'no limit told'}; answered by {reply.endpoint} in {reply.latency:.2f} s"
