"""What the samples of one running task share: journal, completions, purse and pilot.

A session lives from a task's first sample to its end. It is found by the running sample, so the
solvers need no handle on it, and a retry of the task (another eval id, the same task id) opens
the same journal.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from harness.errors import ServiceError, UsageError
from harness.measuring.asking import Asker
from harness.measuring.completions import CompletionStore
from harness.measuring.journal import Entries, Journal, journal_directory, open_journal
from harness.measuring.money import Price, Purse, price_of, read_price
from harness.measuring.options import Options
from harness.measuring.pilot import Pilot
from harness.models.inspect_api import sample_active
from harness.notices import say
from harness.records.kept import Completion
from harness.wire import Question, Reply

__all__ = [
    "Counter",
    "Overrides",
    "Session",
    "overriding",
    "running_session",
    "session",
    "task_ended",
    "task_started",
]

T = TypeVar("T")

SAME = 5
"""So many questions failing with one and the same error, none answered, end the run as well:
an unsupported setting meets every question, and a run may have fewer than twenty."""
_NUMBERS = re.compile(r"\d+")

HOPELESS = 20
"""So many questions failing with none answered end the run: every further one would too."""


class Overrides(msgspec.Struct, frozen=True):
    """What `penchant reask` sets for a run in this process, over the task's own options."""

    reask_failed: bool = False
    max_calls: int | None = None
    budget_usd: float | None = None


@dataclass(kw_only=True)
class Counter:
    """Where questions are asked: what the journal has is taken from there, the purse admits the
    rest. `optional`: where every question fails the rest is not asked and the run goes on; else it
    ends."""

    journal: Journal
    purse: Purse
    reask_failed: bool
    price: str | None = None
    price_option: str = "price"
    optional: bool = False
    not_admitted: dict[str, int] = field(default_factory=dict)
    _failures: int = 0
    _answers: int = 0
    _prices: dict[str, Price | None] = field(default_factory=dict)
    _last_error: str = ""
    _kinds: set[str] = field(default_factory=set)
    _given_up: str | None = None

    async def ask(
        self, asker: Asker, keys: Sequence[str], questions: Sequence[Question]
    ) -> list[Reply]:
        """Replies in order: from the journal where it has them, else asked and written there.

        What the purse does not admit comes back as a failed reply and is not written.
        """
        replies: dict[int, Reply] = {}
        reserved: dict[int, float] = {}
        price = self._price(asker)
        for index, (key, question) in enumerate(zip(keys, questions, strict=True)):
            known = self.journal.get(key)
            if known is not None and not (known.error and self.reask_failed):
                replies[index] = known
                continue
            estimate = self.purse.estimate(question, price, asker.config.max_tokens)
            refusal = self._given_up or self.purse.admit(question, price, asker.config.max_tokens)
            if refusal is not None:
                replies[index] = Reply(error=refusal, stop="unknown", asked=False)
                self.not_admitted[refusal] = self.not_admitted.get(refusal, 0) + 1
            else:
                reserved[index] = estimate
        order = list(reserved)

        def arrived(position: int, reply: Reply) -> None:
            index = order[position]
            replies[index] = reply
            self.journal.put(keys[index], reply)
            self.purse.settle(reply, price, reserved[index])
            self._count(reply)

        if order:
            left = [questions[index] for index in order]
            await asker.ask(left, arrived, block=len(questions) > 1)
            self._check_hope()
        return [replies[index] for index in range(len(questions))]

    def _price(self, asker: Asker) -> Price | None:
        name = str(asker.model)
        if name not in self._prices:
            self._prices[name] = price_of(asker.model, self.price)
        price = self._prices[name]
        if price is None and self.purse.budget_usd is not None:
            raise UsageError(
                f"budget_usd={self.purse.budget_usd:g} needs a price for {name}; give one "
                f"with {self.price_option}=IN,OUT (US dollars per million tokens) or "
                "--model-cost-config"
            )
        return price

    def _count(self, reply: Reply) -> None:
        if reply.error is None:
            self._answers += 1
        else:
            self._failures += 1
            self._last_error = reply.error
            self._kinds.add(_NUMBERS.sub("0", reply.error))

    def _check_hope(self) -> None:
        few = SAME if len(self._kinds) == 1 else HOPELESS
        if self._answers == 0 and self._failures >= (HOPELESS if self.optional else few):
            if self.optional:
                self._given_up = (
                    f"not asked: the first {self._failures} questions all failed; "
                    f"the last: {self._last_error}"
                )
                return
            raise ServiceError(
                f"the first {self._failures} questions all failed and none was answered; "
                f"the last: {self._last_error}"
            )


@dataclass(kw_only=True)
class Session(Counter):
    """Shared by the samples of one task while it runs."""

    completions: CompletionStore
    pilot: Pilot
    _made: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What `make` gives, made once in the session."""
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    def pilot_sample_over(self, outcomes: Sequence[str]) -> None:
        """Count a sample of the pilot; the last one says on stderr what the pilot found."""
        if self.pilot.leave(outcomes):
            total = sum(self.pilot.outcomes.values())
            found = ", ".join(
                f"{count} {outcome} ({count / total:.0%})"
                for outcome, count in sorted(self.pilot.outcomes.items(), key=lambda x: -x[1])
            )
            say(f"pilot of {total} questions: {found}")


_task_ids: dict[str, str] = {}
_sessions: dict[str, Session] = {}
_stores: dict[Path, CompletionStore] = {}
_overrides: list[Overrides] = []


@contextmanager
def overriding(overrides: Overrides) -> Iterator[None]:
    """Put overrides in force for runs of this process."""
    _overrides.append(overrides)
    try:
        yield
    finally:
        _overrides.remove(overrides)


def task_started(eval_id: str, task_id: str) -> None:
    """Heard from Inspect: the task of this eval id starts."""
    _task_ids[eval_id] = task_id


def task_ended(eval_id: str) -> list[str]:
    """Heard from Inspect: close what the task held open. Lines that say what was not asked."""
    _task_ids.pop(eval_id, None)
    ended = _sessions.pop(eval_id, None)
    if ended is None:
        return []
    ended.journal.close()
    return [f"{count:,} questions {reason}" for reason, count in ended.not_admitted.items()]


def session(options: Options) -> Session:
    """The session of the task that the running sample belongs to."""
    active = sample_active()
    if active is None:
        raise ServiceError("no Inspect sample is running here")
    found = _sessions.get(active.eval_id)
    if found is None:
        found = _open(
            options,
            directory=journal_directory(active.log_location),
            task_id=_task_ids.get(active.eval_id, active.eval_id),
            scope=active.eval_set_id or active.run_id or active.eval_id,
        )
        _sessions[active.eval_id] = found
    return found


def running_session() -> Session | None:
    """The session of the running sample's task, where a solver has opened it; None outside."""
    active = sample_active()
    return None if active is None else _sessions.get(active.eval_id)


def _open(options: Options, *, directory: Path, task_id: str, scope: str) -> Session:
    journal = open_journal(directory, task_id=task_id, scope=scope)
    if journal.header is not None:
        scope = journal.header.scope
    path = directory / f"completions-{scope}.jsonl"
    if path not in _stores:
        _stores[path] = CompletionStore(Entries(path, Completion))
    overrides = _overrides[-1] if _overrides else Overrides()
    purse = Purse(
        overrides.max_calls if overrides.max_calls is not None else options.max_calls,
        overrides.budget_usd if overrides.budget_usd is not None else options.budget_usd,
    )
    if not _overrides:
        price = None if options.price is None else read_price(options.price)
        for reply in journal.values():
            purse.replay(reply, price)
    return Session(
        journal=journal,
        completions=_stores[path],
        purse=purse,
        pilot=Pilot(options.pilot),
        reask_failed=options.reask_failed or overrides.reask_failed,
        price=options.price,
    )
