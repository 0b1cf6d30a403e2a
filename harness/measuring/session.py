"""What the samples of one running task share: journal, completions, purse and pilot.

A session lives from a task's first sample to its end. It is found by the running sample, so the
solvers need no handle on it, and a retry of the task (another eval id, the same task id) opens
the same journal.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from harness.errors import DiskError, ServiceError, UsageError
from harness.measuring.asking import Asker
from harness.measuring.completions import CompletionStore
from harness.measuring.journal import Entries, Journal, journal_directory, open_journal
from harness.measuring.locks import hold, lock_path, release
from harness.measuring.money import Price, Purse, price_of, read_price, true_cost
from harness.measuring.options import Options
from harness.measuring.resumed import (
    earlier_logs,
    ingredients_in,
    refuse_changed,
    refuse_others,
)
from harness.measuring.tallies.hope import Hope
from harness.measuring.tallies.oddities import Oddities
from harness.measuring.tallies.pilot import Pilot
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


class Overrides(msgspec.Struct, frozen=True):
    """What is set for runs in this process, over the tasks' own options; `purse` is one that all
    of them share."""

    reask_failed: bool = False
    max_calls: int | None = None
    budget_usd: float | None = None
    purse: Purse | None = None


@dataclass(kw_only=True)
class Counter:
    """Where questions are asked: what the journal has is taken from there, the purse admits the
    rest. `optional`: where every question fails the rest is not asked and the run goes on; else it
    ends. `booked`: where the run writes what each answer cost, if its own journal is not the one
    that keeps the answers.

    The journal's keys are `IDENTITY SEED KEY`: what another model, vector or setting answered to
    the same question stays in the file and is not read.
    """

    journal: Journal
    purse: Purse
    reask_failed: bool
    price: str | None = None
    price_option: str = "price"
    optional: bool = False
    booked: Journal | None = None
    not_admitted: dict[str, int] = field(default_factory=dict)
    planned: dict[str, int] = field(default_factory=dict)
    oddities: Oddities = field(default_factory=Oddities)
    _prices: dict[str, Price | None] = field(default_factory=dict)
    _given_up: str | None = None
    _others: dict[str, set[str]] | None = None
    _hopes: dict[str, Hope] = field(default_factory=dict)

    async def ask(
        self, asker: Asker, keys: Sequence[str], questions: Sequence[Question]
    ) -> list[Reply]:
        """Replies in order: from the journal where it has them, else asked and written there.

        What the purse does not admit comes back as a failed reply and is not written; a purse that
        ends the run raises ServiceError once what it did admit is answered.
        """
        replies: dict[int, Reply] = {}
        hope = self._hope(asker.stage)
        stamped = [_stamped(asker, *one) for one in zip(keys, questions, strict=True)]
        left = []
        for index, key in enumerate(stamped):
            known = self.journal.get(key)
            if known is not None and not (known.error and self.reask_failed):
                replies[index] = known
                if known.error is None:
                    hope.count(known)
            else:
                left.append(index)
        refused: dict[int, str] = {}
        while left:
            reserved, refused = self._admitted(asker, left, questions)
            if reserved:
                self._say_others(asker, (keys[index] for index in reserved))
                replies |= await self._asked(asker, reserved, stamped, questions)
                # What they really cost may leave room for more.
                left = list(refused)
            elif self.purse.pending and not self._given_up:
                await self.purse.change()
            else:
                break
        for index, reason in refused.items() if left else ():
            if not self._given_up:
                self.purse.refused = self.purse.refused or reason
                if self.purse.ends:
                    raise ServiceError(reason)
            replies[index] = Reply(error=reason, stop="unknown", asked=False)
            self.not_admitted[reason] = self.not_admitted.get(reason, 0) + 1
        return [replies[index] for index in range(len(questions))]

    def _admitted(
        self, asker: Asker, left: Sequence[int], questions: Sequence[Question]
    ) -> tuple[dict[int, float], dict[int, str]]:
        """Which of those left may be asked now, with what is reserved for each; why not others."""
        price = self._price(asker)
        reserved: dict[int, float] = {}
        refused: dict[int, str] = {}
        for index in left:
            question, most = questions[index], asker.config.max_tokens
            estimate = self.purse.estimate(question, price, most)
            refusal = self._given_up or self.purse.admit(question, price, most)
            if refusal is None:
                reserved[index] = estimate
            else:
                refused[index] = refusal
        return reserved, refused

    async def _asked(
        self,
        asker: Asker,
        reserved: dict[int, float],
        stamped: Sequence[str],
        questions: Sequence[Question],
    ) -> dict[int, Reply]:
        """Ask what was admitted and keep each answer as it arrives."""
        price, hope = self._price(asker), self._hope(asker.stage)
        order = list(reserved)
        replies: dict[int, Reply] = {}
        unkept: list[DiskError] = []

        def arrived(position: int, reply: Reply) -> None:
            index = order[position]
            replies[index] = reply
            self.purse.settle(questions[index], reply, price, reserved[index])
            hope.count(reply)
            self.oddities.count(reply)
            try:
                self.journal.put(stamped[index], reply)
                if self.booked is not None:
                    # In dollars: the run that reads it back knows no price of a judge's.
                    paid = Reply(stop=reply.stop, error=reply.error, cost=true_cost(reply, price))
                    self.booked.put(stamped[index], paid)
            except DiskError as error:
                unkept.append(error)
                raise

        try:
            asked = [questions[index] for index in order]
            await asker.ask(asked, arrived, block=len(questions) > 1)
        finally:
            # Nobody waits for what will not come.
            self.purse.release(sum(reserved[index] for index in order if index not in replies))
            # Whatever a provider made of it: an answer that could not be kept ends the run.
            if unkept:
                raise unkept[0]
        self._check(hope)
        return replies

    def kept(
        self, asker: Asker, keys: Sequence[str], questions: Sequence[Question]
    ) -> list[Reply | None]:
        """What the journal has of these questions, in order."""
        pairs = zip(keys, questions, strict=True)
        return [self.journal.get(_stamped(asker, key, question)) for key, question in pairs]

    def _say_others(self, asker: Asker, keys: Iterable[str]) -> None:
        """Say, once a kind of question, that the journal held answers that are not used."""
        if self._others is None:
            self._others = {}
            for key in self.journal:
                identity, _, rest = key.partition(" ")
                bare = rest.partition(" ")[2]
                self._others.setdefault(_kind(bare), set()).add(identity.rstrip("!"))
        for kind in {_kind(key) for key in keys} - {"judge"}:
            if self._others.pop(kind, {asker.identity}) != {asker.identity}:
                say(
                    f"{self.journal.path} holds answers by another model, vector or setting to "
                    f"{kind}s of this run: they stay there, and what they answered is asked again"
                )

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

    def _hope(self, stage: str) -> Hope:
        if stage not in self._hopes:
            self._hopes[stage] = Hope(self.planned.get(stage), patient=self.optional)
        return self._hopes[stage]

    def _check(self, hope: Hope) -> None:
        try:
            hope.check()
        except ServiceError as error:
            if not self.optional:
                raise
            self._given_up = f"not asked: {error}"


@dataclass(kw_only=True)
class Session(Counter):
    """Shared by the samples of one task while it runs.

    `earlier` are the logs that began it: Inspect takes their finished samples as they are. `desks`
    count what its judges are asked.
    """

    completions: CompletionStore
    pilot: Pilot
    lock: Path | None = None
    earlier: tuple[Path, ...] = ()
    desks: list[Counter] = field(default_factory=list)
    _made: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What `make` gives, made once in the session."""
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    def refuse_others(self, column: str, identity: str) -> None:
        """UsageError where an earlier log of this task holds finished samples by somebody else.

        `column` of the record table is whose `identity` this is, `rater_identity` or
        `completer_identity`. Asked again they would stand under one name with what is there.
        """
        self.once(f"{column} {identity}", lambda: refuse_others(self.earlier, column, identity))

    def pilot_sample_over(self, outcomes: Sequence[str]) -> None:
        """Count a sample of the pilot; the last one says on stderr what the pilot found."""
        if self.pilot.leave(outcomes):
            total = sum(self.pilot.outcomes.values())
            found = ", ".join(
                f"{count} {outcome} ({count / total:.0%})"
                for outcome, count in sorted(self.pilot.outcomes.items(), key=lambda x: -x[1])
            )
            say(f"pilot of {total} questions: {found}")


def _stamped(asker: Asker, key: str, question: Question) -> str:
    """The journal's key: who answers and in what form, with which seed, and the question's own."""
    exact = "" if question.choices is None else "!"
    return f"{asker.identity}{exact} {question.seed} {key}"


def _kind(key: str) -> str:
    """What is asked for, by the question's own key: a completion, a judgement or a measurement."""
    kinds = {"completion:": "completion", "judge ": "judge"}
    return next((kind for start, kind in kinds.items() if key.startswith(start)), "question")


@dataclass(frozen=True)
class _Started:
    """What Inspect said of a task when it started."""

    task_id: str
    planned: dict[str, int]
    ingredients: Mapping[str, str]


_started: dict[str, _Started] = {}
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


def task_started(
    eval_id: str,
    task_id: str,
    planned: Mapping[str, int] | None = None,
    ingredients: Mapping[str, str] | None = None,
) -> None:
    """Heard from Inspect: the task of this eval id starts, with so many calls of each stage and
    with these ingredients."""
    _started[eval_id] = _Started(task_id, dict(planned or {}), ingredients or {})


def task_ended(eval_id: str) -> list[str]:
    """Heard from Inspect: close what the task held open. Lines that say what was not asked, and
    what could not be written, and what was odd in the replies."""
    _started.pop(eval_id, None)
    ended = _sessions.pop(eval_id, None)
    if ended is None:
        return []
    lines = []
    for what, counter in (("questions", ended), *(("judgements", one) for one in ended.desks)):
        found = counter.not_admitted.items()
        spent = counter.purse.account()
        lines += [f"{count:,} {what} {reason}{spent}" for reason, count in found]
        lines += counter.oddities.lines()
    try:
        ended.journal.close()
    except DiskError as error:
        lines.append(str(error))
    if ended.lock is not None:
        release(ended.lock)
    return lines


def session(options: Options) -> Session:
    """The session of the task that the running sample belongs to.

    UsageError where another process runs the task or its eval-set, or where it began with other
    ingredients.
    """
    active = sample_active()
    if active is None:
        raise ServiceError("no Inspect sample is running here")
    found = _sessions.get(active.eval_id)
    if found is None:
        directory = journal_directory(active.log_location)
        started = _started.get(active.eval_id) or _Started(active.eval_id, {}, {})
        if active.eval_set_id:
            # Held to the process's end: between two tasks of an eval-set nobody may slip in.
            hold(lock_path(directory, "eval-set", active.eval_set_id), what="this eval-set")
        found = _open(
            options,
            directory=directory,
            started=started,
            scope=active.eval_set_id or active.run_id or active.eval_id,
            earlier=earlier_logs(active.log_location, started.task_id),
        )
        found.planned = started.planned
        _sessions[active.eval_id] = found
    return found


def running_session() -> Session | None:
    """The session of the running sample's task, where a solver has opened it; None outside."""
    active = sample_active()
    return None if active is None else _sessions.get(active.eval_id)


def _open(
    options: Options,
    *,
    directory: Path,
    started: _Started,
    scope: str,
    earlier: Sequence[Path],
) -> Session:
    lock = lock_path(directory, "task", started.task_id)
    hold(lock, what="this task")
    for log in earlier:
        refuse_changed(ingredients_in(log), started.ingredients, where=str(log))
    journal = open_journal(
        directory, task_id=started.task_id, scope=scope, ingredients=started.ingredients
    )
    if journal.header is not None:
        scope = journal.header.scope
    path = directory / f"completions-{scope}.jsonl"
    if path not in _stores:
        _stores[path] = CompletionStore(Entries(path, Completion))
    overrides = _overrides[-1] if _overrides else Overrides()
    purse = overrides.purse or Purse(
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
        lock=lock,
        earlier=tuple(earlier),
    )
