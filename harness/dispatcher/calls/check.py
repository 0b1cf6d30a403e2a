"""Is each endpoint of a pool ready? Asked without spending a completion, unless told to."""

import asyncio
from typing import Any, Literal

import msgspec

from harness.dispatcher.calls.http import HttpEndpoint
from harness.dispatcher.poolfile import EndpointSpec, key_of
from harness.errors import UsageError

__all__ = ["Finding", "check_endpoint", "check_endpoints"]


class Finding(msgspec.Struct, frozen=True):
    """What is known of one endpoint; no field holds a secret.

    `reachable` and `listed` are None where nothing was asked (delegated endpoints, no model list).
    """

    pool: str
    endpoint: str
    key: Literal["set", "missing", "none"]
    reachable: bool | None
    listed: bool | None
    note: str = ""
    refused: bool = False

    @property
    def good(self) -> bool:
        """Nothing speaks against using it."""
        answers = self.reachable is not False and self.listed is not False
        return answers and self.key != "missing" and not self.refused


async def check_endpoints(specs: list[tuple[str, EndpointSpec]]) -> list[Finding]:
    """Check all at once; pairs of pool name and endpoint."""
    return list(await asyncio.gather(*(check_endpoint(pool, spec) for pool, spec in specs)))


async def check_endpoint(pool: str, spec: EndpointSpec) -> Finding:
    """Key in the environment, host reachable, model in its list."""
    try:
        key = key_of(spec)
    except UsageError as error:
        return Finding(pool, spec.name, "missing", None, None, str(error))
    state: Literal["set", "none"] = "none" if key is None else "set"
    if spec.url is None:
        return Finding(pool, spec.name, state, None, None, "delegated to Inspect's provider")
    line = HttpEndpoint(spec, key=key)
    try:
        status, body = await line.models(seconds=15.0)
    except ConnectionError as error:
        return Finding(pool, spec.name, state, False, None, f"{spec.url}: {error}")
    finally:
        await line.aclose()
    if status in (401, 403):
        return Finding(
            pool, spec.name, state, True, None, f"{status}: the key was refused", refused=True
        )
    if status != 200:
        return Finding(pool, spec.name, state, True, None, f"no model list (status {status})")
    listed = _ids(body)
    if listed is None:
        return Finding(pool, spec.name, state, True, None, "unreadable model list")
    if spec.model in listed:
        return Finding(pool, spec.name, state, True, True)
    shown = ", ".join(sorted(listed)[:4])
    note = f"no model {spec.model!r} there; it lists {len(listed)}: {shown}"
    return Finding(pool, spec.name, state, True, False, note)


def _ids(body: bytes) -> set[str] | None:
    try:
        parsed: Any = msgspec.json.decode(body)
        entries = parsed["data"] if isinstance(parsed, dict) else parsed
        return {str(entry["id"]) for entry in entries}
    except (msgspec.DecodeError, KeyError, TypeError):
        return None
