"""Pools that are open in this process: evals of one pool in one loop share its limits."""

import asyncio
import time
from pathlib import Path

from inspect_ai.model import GenerateConfig
from inspect_ai.util import display_counter, display_type

from harness.dispatcher.book_file import BookFile, Snapshot, ledger_path
from harness.dispatcher.calls.pool import Pool
from harness.dispatcher.live import History, counter, summary
from harness.dispatcher.poolfile import PoolSpec
from harness.errors import ServiceError
from harness.models.inspect_api import sample_active
from harness.notices import say
from harness.screen import visible

__all__ = ["close_all", "close_pool", "open_pool", "progress", "shared_key", "warn_of_cap"]

_pools: dict[tuple[int, str], Pool] = {}
_users: dict[tuple[int, str], set[int]] = {}
_progress: dict[str, list[int]] = {}


def shared_key(spec: PoolSpec) -> str:
    """Names a pool: file, name and label."""
    return f"{spec.file}#{spec.name}#{spec.label}"


async def open_pool(spec: PoolSpec, ledger: Path | None, user: object) -> Pool:
    """The pool of this spec in the running loop, opened and probed at the first call.

    It stays open until `close_pool` was called for every `user`, or the run ends.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise ServiceError("pool/ runs on asyncio only; unset INSPECT_ASYNC_BACKEND") from None
    key = (id(loop), shared_key(spec))
    pool = _pools.get(key)
    if pool is None:
        active = sample_active()
        where = ledger or ledger_path(
            None if active is None else active.log_location, spec.name, time.time()
        )
        pool = _pools[key] = Pool(spec, ledger=BookFile(where), say=say, watch=_Screen().show)
        _users[key] = set()
    _users[key].add(id(user))
    await pool.start()
    return pool


async def close_pool(spec: PoolSpec, user: object) -> None:
    """`user` needs the pool no more: close it if nobody else does."""
    key = (id(asyncio.get_running_loop()), shared_key(spec))
    if key in _pools:
        _users[key].discard(id(user))
        if not _users[key]:
            await _pools.pop(key).aclose()


async def close_all() -> None:
    """The run ends: close every pool of the running loop."""
    loop = id(asyncio.get_running_loop())
    _progress.clear()
    for key in [key for key in _pools if key[0] == loop]:
        await _pools.pop(key).aclose()


def progress(eval_id: str, *, samples: int = 0, done: int = 0) -> None:
    """Heard from Inspect: an eval of so many samples starts, or so many more are finished."""
    counts = _progress.setdefault(eval_id, [0, 0])
    counts[0] += done
    counts[1] += samples
    total = (sum(c[0] for c in _progress.values()), sum(c[1] for c in _progress.values()))
    for pool in _pools.values():
        pool.progress = total


def warn_of_cap(spec: PoolSpec, config: GenerateConfig, *, blocks: bool) -> None:
    """Say once when Inspect's limit on calls lies below what the pool could have in flight."""
    most = config.max_connections
    if most is None:
        adaptive = config.adaptive_connections
        most = adaptive if isinstance(adaptive, int) and adaptive is not True else 100
    capacity = sum(endpoint.max_concurrency for endpoint in spec.endpoints)
    if not blocks and most < capacity:
        say(
            f"pool/{spec.name} could have {capacity} requests in flight, Inspect allows {most}: "
            f"raise it with --max-connections {capacity}, or put several questions in a sample "
            "with -T block=25"
        )


class _Screen:
    """Shows a pool beside Inspect's display: counters there, or a line now and then without."""

    EVERY = 30.0

    def __init__(self) -> None:
        self._history = History()
        self._said = 0.0

    def show(self, snapshot: Snapshot) -> None:
        """Take the latest snapshot."""
        self._history.add(snapshot)
        for state in snapshot.endpoints:
            display_counter(visible(state.name), visible(counter(state)))
        if display_type() in ("full", "rich"):
            return
        self._said = self._said or snapshot.t
        if snapshot.t - self._said >= self.EVERY:
            self._said = snapshot.t
            say(summary(self._history))
