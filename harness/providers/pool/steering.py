"""Pools of steering servers: one steering, the same at every replica, or no run."""

from collections.abc import Mapping
from typing import Any

import msgspec

from harness.dispatcher.poolfile import EndpointSpec, PoolSpec, key_of
from harness.errors import UsageError
from harness.providers.steering.applied import Applied, apply
from harness.providers.steering.client import SteeringClient, told
from harness.providers.steering.options import SteeringOptions, steering_options
from harness.wire import Reply

__all__ = ["checked", "steering_of"]

_HERE = ("timeout", "max_in_flight")
"""Options of `steering/NAME` that the pool file has keys for."""


def steering_of(spec: PoolSpec, given: Mapping[str, Any]) -> Applied | None:
    """What the replicas apply; None for a pool without steering servers.

    UsageError for arguments that mean nothing here, and where two replicas differ in weights,
    precision or vector; ServiceError where one does not answer.
    """
    if all(endpoint.kind != "steering" for endpoint in spec.endpoints):
        if given:
            raise UsageError(
                f"unknown -M {next(iter(given))!r} of pool/{spec.name}; expected file, label or "
                "ledger"
            )
        return None
    for name in _HERE:
        if name in given:
            raise UsageError(
                f"-M {name} is not for pools; set timeout and max_concurrency in {spec.file}"
            )
    options = steering_options(given)
    found = [(endpoint, _ask(endpoint, options)) for endpoint in spec.endpoints]
    (first, applied), *others = found
    for endpoint, other in others:
        if other.identity("") != applied.identity(""):
            raise UsageError(
                f"pool {spec.name!r} in {spec.file}: endpoints {first.name!r} and "
                f"{endpoint.name!r} do not answer alike: {applied.identity('')} and "
                f"{other.identity('')}"
            )
    return applied


def _ask(endpoint: EndpointSpec, options: SteeringOptions) -> Applied:
    assert endpoint.url is not None and endpoint.model is not None
    client = SteeringClient(
        endpoint.url, key=key_of(endpoint), timeout=endpoint.timeout, max_in_flight=1
    )
    return apply(client, endpoint.model, options)


def checked(applied: Applied, reply: Reply, *, seeded: bool) -> Reply:
    """`reply` with what the server says it applied; a failure where that is not what was asked."""
    raw: dict[str, Any] = dict(reply.steering or {})
    steering = told(raw) if raw else None
    named = msgspec.structs.replace(
        reply, steering=steering, seed_honoured=True if seeded else None
    )
    mismatch = applied.mismatch(named)
    if mismatch is None:
        return named
    return Reply(error=mismatch, stop="unknown", endpoint=reply.endpoint, attempts=reply.attempts)
