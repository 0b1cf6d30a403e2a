"""Completions: one per item, completer, system prompt, settings and seed, however many want it."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import msgspec

from harness.items.item import Item
from harness.measuring.journal import Entries
from harness.records.kept import Completion

__all__ = ["CompletionStore", "completion_key", "kept_completions"]


def completion_key(item: Item, *, identity: str, prompt_hash: str, seed: int | None) -> str:
    """Identity of a completion.

    `identity` is the completer's full identity with its generation settings (see
    `harness.models.identity`); `prompt_hash` is of the conversation it gets, with the system
    prompt.
    """
    whole = "\x1f".join((item.id, item.hash, identity, prompt_hash, str(seed)))
    return hashlib.sha256(whole.encode()).hexdigest()[:32]


class _Line(msgspec.Struct, frozen=True):
    entry: Completion


def kept_completions(directory: Path) -> dict[str, Completion]:
    """Completions that runs have left in a folder of journals, by the hash of their text."""
    found = {}
    decoder = msgspec.json.Decoder(_Line)
    for file in sorted(directory.glob("completions-*.jsonl")):
        for line in file.read_bytes().splitlines():
            try:
                kept = decoder.decode(line).entry
            except msgspec.DecodeError:
                continue
            found[kept.hash] = kept
    return found


Producer = Callable[[Sequence[Item]], Awaitable[list[Completion]]]


@dataclass
class _UnderWay:
    """A completion that somebody is producing: `done` is set once. Without an error and without a
    completion in the store its producer was cancelled, and whoever waits tries again."""

    done: anyio.Event = field(default_factory=anyio.Event)
    error: Exception | None = None


class CompletionStore:
    """Completions of one run, each made once even when many samples want it at one moment.

    In memory for the run and on disk (`Entries`) for its retries.
    """

    def __init__(self, entries: Entries[Completion]) -> None:
        self._entries = entries
        self._failed: dict[str, Completion] = {}
        self._under_way: dict[str, _UnderWay] = {}

    def known(self, key: str) -> Completion | None:
        """A completion that is there already, failed ones of this run included."""
        return self._entries.get(key) or self._failed.get(key)

    async def get(
        self, items: Sequence[Item], keys: Sequence[str], produce: Producer
    ) -> dict[str, Completion]:
        """Completions of `items` by item id, produced where nobody has or is producing them.

        `produce` is called with the items that are missing. When it raises, whoever waits for its
        items gets the error too. A failed completion is kept for the run but not on disk, so a
        resumed run tries it again.
        """
        wanted = dict(zip(keys, items, strict=True))
        found: dict[str, Completion] = {}
        while len(found) < len(wanted):
            missing = {key: item for key, item in wanted.items() if key not in found}
            for key in missing:
                completion = self.known(key)
                if completion is not None:
                    found[key] = completion
            mine = {k: i for k, i in missing.items() if k not in found and k not in self._under_way}
            waiting = [k for k in missing if k not in found and k not in mine]
            if mine:
                await self._produce(mine, produce)
            for key in waiting:
                await self._wait(key)
        return {wanted[key].id: completion for key, completion in found.items()}

    async def _wait(self, key: str) -> None:
        under_way = self._under_way.get(key)
        if under_way is None:
            return
        await under_way.done.wait()
        if under_way.error is not None:
            raise under_way.error

    async def _produce(self, mine: dict[str, Item], produce: Producer) -> None:
        claims = {key: _UnderWay() for key in mine}
        self._under_way.update(claims)
        try:
            made = await produce(list(mine.values()))
            for key, completion in zip(mine, made, strict=True):
                if completion.error is None:
                    self._entries.put(key, completion)
                else:
                    self._failed[key] = completion
        except Exception as error:
            for claim in claims.values():
                claim.error = error
            raise
        finally:
            for key, claim in claims.items():
                del self._under_way[key]
                claim.done.set()

    def adopt(self, key: str, completion: Completion) -> None:
        """Take a completion that came from elsewhere (a log of evals/completions.py)."""
        if self._entries.get(key) is None:
            self._entries.put(key, completion)
