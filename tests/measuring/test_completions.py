from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest

from harness.items.item import Item, text_hash
from harness.measuring.completions import CompletionStore, completion_key
from harness.measuring.journal import Entries
from harness.records.kept import Completion

ITEMS = [Item(id=f"i{n}", text=f"text {n}", origin="math") for n in range(20)]
KEYS = [completion_key(item, identity="m", prompt_hash="p", seed=0) for item in ITEMS]


def made(item: Item, error: str | None = None) -> Completion:
    return Completion(
        item=item.id, item_hash=item.hash, text="done", hash=text_hash("done"), completer="m",
        completer_identity="m", sysprompt="none", seed=0, error=error,
    )  # fmt: skip


def store(path: Path) -> CompletionStore:
    return CompletionStore(Entries(path / "c.jsonl", Completion))


async def test_many_wanting_one_completion_make_it_once(tmp_path: Path) -> None:
    """200 pairs over 20 items that start at the same moment cause exactly 20 completions."""
    asked: list[str] = []
    held = store(tmp_path)

    async def produce(items: Sequence[Item]) -> list[Completion]:
        asked.extend(item.id for item in items)
        await anyio.lowlevel.checkpoint()
        return [made(item) for item in items]

    async def pair(a: int, b: int) -> None:
        found = await held.get([ITEMS[a], ITEMS[b]], [KEYS[a], KEYS[b]], produce)
        assert set(found) == {ITEMS[a].id, ITEMS[b].id}

    async with anyio.create_task_group() as group:
        for n in range(200):
            group.start_soon(pair, n % 20, (n * 7 + 3) % 20 if (n * 7 + 3) % 20 != n % 20 else 0)
    assert sorted(asked) == sorted(item.id for item in ITEMS)
    again = store(tmp_path)
    assert again.known(KEYS[3]) == made(ITEMS[3])


async def test_cancelled_producer_leaves_the_item_to_another(tmp_path: Path) -> None:
    """Whoever waits for a producer that is cancelled produces the item itself."""
    held = store(tmp_path)
    started = anyio.Event()

    async def never(items: Sequence[Item]) -> list[Completion]:
        started.set()
        await anyio.sleep_forever()
        raise AssertionError

    async def at_once(items: Sequence[Item]) -> list[Completion]:
        return [made(item) for item in items]

    found: dict[str, Completion] = {}

    async def waiter() -> None:
        found.update(await held.get(ITEMS[:1], KEYS[:1], at_once))

    async with anyio.create_task_group() as group:
        first = anyio.CancelScope()

        async def doomed() -> None:
            with first:
                await held.get(ITEMS[:1], KEYS[:1], never)

        group.start_soon(doomed)
        await started.wait()
        group.start_soon(waiter)
        await anyio.lowlevel.checkpoint()
        first.cancel()
    assert found == {"i0": made(ITEMS[0])}


async def test_error_reaches_all_who_wait(tmp_path: Path) -> None:
    """An error that ends the run is raised in the producer and in whoever waits for it."""
    held = store(tmp_path)
    release = anyio.Event()
    raised = []

    async def broken(items: Sequence[Item]) -> list[Completion]:
        await release.wait()
        raise RuntimeError("dead pool")

    async def want() -> None:
        with pytest.raises(RuntimeError, match="dead pool"):
            await held.get(ITEMS[:1], KEYS[:1], broken)
        raised.append(1)

    async with anyio.create_task_group() as group:
        group.start_soon(want)
        group.start_soon(want)
        await anyio.lowlevel.checkpoint()
        release.set()
    assert len(raised) == 2


async def test_failed_completion_is_not_kept_for_a_resumed_run(tmp_path: Path) -> None:
    """A failed completion counts in its run and is tried again in the next."""
    held = store(tmp_path)

    async def failing(items: Sequence[Item]) -> list[Completion]:
        return [made(item, error="timeout") for item in items]

    found = await held.get(ITEMS[:1], KEYS[:1], failing)
    assert found["i0"].error == "timeout"
    assert held.known(KEYS[0]) is not None
    assert store(tmp_path).known(KEYS[0]) is None
