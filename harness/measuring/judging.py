"""Judging texts: every judge's question through the asking, journal and purse of any other.

What judges answered is kept for a whole folder of logs, in `journal/judgements.jsonl`, by content:
text, judge's identity, wording, repeat and try. So no text is judged twice by one judge, in
whatever run, and a run that was killed goes on where it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import msgspec
from anyio.lowlevel import RunVar

from harness.measuring.journal import Entries
from harness.measuring.judge import Judge
from harness.measuring.money import Purse
from harness.measuring.session import Counter, Session, running_session
from harness.models.identity import honours_seed
from harness.notices import say
from harness.prompts.judge_form import JudgeForm, judge_messages
from harness.prompts.render import prompt_hash
from harness.records.judgement import Judgement
from harness.text.judged import Judged, read_verdict
from harness.wire import Question, Reply

__all__ = ["Desk", "Subject", "judge_desk"]

TRIES = 2
"""A reply that cannot be used is asked for once more, with a seed of its own."""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is judged: the texts that the judge sees, by name; `key` is the judgement's subject."""

    key: str
    parts: Mapping[str, str]
    item: str | None = None


@dataclass(frozen=True)
class _Asked:
    """One verdict that is wanted."""

    subject: Subject
    repeat: int
    key: str
    question: Question


@dataclass
class _Folder:
    """What this process knows of a folder's judgements: kept, under way, asked for by itself."""

    journal: Entries[Reply]
    under_way: dict[str, anyio.Event] = field(default_factory=dict)
    asked: dict[str, Reply] = field(default_factory=dict)


@dataclass
class Desk:
    """Judges' replies of one folder, each asked for once even when many want it at one moment."""

    counter: Counter
    folder: _Folder
    _told: set[tuple[str, str]] = field(default_factory=set)

    async def judge(
        self, judge: Judge, form: JudgeForm, subjects: Sequence[Subject]
    ) -> list[Judgement]:
        """A judgement of each subject and repeat, in order; `failed` where there is no verdict."""
        wanted = [
            _asked(judge, form, subject, repeat)
            for subject in {one.key: one for one in subjects}.values()
            for repeat in range(judge.settings.repeats)
        ]
        self._tell_of_failed(judge, form)
        verdicts: dict[str, Judged] = {}
        left = wanted
        for attempt in range(TRIES):
            replies = await self._replies(judge, form, left, attempt)
            for one, reply in zip(left, replies, strict=True):
                # A second try that a limit forbids leaves what the first came to.
                if reply.asked or attempt == 0:
                    verdicts[one.key] = read_verdict(reply, form)
            left = [
                one
                for one, reply in zip(left, replies, strict=True)
                if verdicts[one.key].problem is not None and reply.asked
            ]
        return [_judgement(judge, form, one, verdicts[one.key]) for one in wanted]

    def _tell_of_failed(self, judge: Judge, form: JudgeForm) -> None:
        """Say once how verdicts that had no answer earlier are asked for again."""
        if self.counter.reask_failed or (judge.identity, form.hash) in self._told:
            return
        self._told.add((judge.identity, form.hash))
        count = _unanswered(self.folder.journal, f" judge {judge.identity} {form.hash} ")
        if count:
            flag = "-S" if self.counter.booked is None else "-T"
            say(
                f"{count:,} verdicts of {judge.model} on {form.name} had no answer earlier and "
                f"stay failed; {flag} reask_failed=true asks for them again"
            )

    async def _replies(
        self, judge: Judge, form: JudgeForm, wanted: Sequence[_Asked], attempt: int
    ) -> list[Reply]:
        """Replies in order. What another is asking for is waited for and then read."""
        keys = [f"{one.key}.{attempt}" for one in wanted]
        replies: dict[str, Reply] = {}
        while len(replies) < len(keys):
            mine, others = [], []
            for key, one in zip(keys, wanted, strict=True):
                if key in replies:
                    continue
                if key in self.folder.asked:
                    replies[key] = self.folder.asked[key]
                elif key in self.folder.under_way:
                    others.append(self.folder.under_way[key])
                else:
                    mine.append((key, one))
            replies |= await self._ask(judge, form, mine, attempt)
            for event in others:
                await event.wait()
        return [replies[key] for key in keys]

    async def _ask(
        self, judge: Judge, form: JudgeForm, mine: Sequence[tuple[str, _Asked]], attempt: int
    ) -> dict[str, Reply]:
        if not mine:
            return {}
        done = anyio.Event()
        self.folder.under_way.update(dict.fromkeys((key for key, _ in mine), done))
        try:
            seeded = honours_seed(judge.model)
            questions = [
                msgspec.structs.replace(one.question, seed=one.repeat * TRIES + attempt)
                if seeded
                else one.question
                for _, one in mine
            ]
            keys = [key for key, _ in mine]
            replies = await self.counter.ask(judge.asker(form), keys, questions)
            found = dict(zip(keys, replies, strict=True))
            self.folder.asked |= {key: reply for key, reply in found.items() if reply.asked}
            return found
        finally:
            for key, _ in mine:
                del self.folder.under_way[key]
            done.set()


def _unanswered(journal: Entries[Reply], marked: str) -> int:
    """How many verdicts whose keys are `marked` so ended in an error, at the last try made."""
    last: dict[str, tuple[str, bool]] = {}
    for key in journal:
        if marked in key:
            verdict, _, attempt = key.partition(marked)[2].rpartition(".")
            reply = journal.get(key)
            ended = (attempt, reply is not None and reply.error is not None)
            last[verdict] = max(ended, last.get(verdict, ended))
    return sum(failed for _, failed in last.values())


def _asked(judge: Judge, form: JudgeForm, subject: Subject, repeat: int) -> _Asked:
    messages = judge_messages(form, subject.parts)
    # The prompt's hash stands for the wording and for every text shown beside the one judged.
    key = f"judge {judge.identity} {form.hash} {subject.key} {prompt_hash(messages)} #{repeat}"
    return _Asked(subject, repeat, key, Question(messages=messages))


def _judgement(judge: Judge, form: JudgeForm, one: _Asked, verdict: Judged) -> Judgement:
    failed = verdict.problem is not None
    return Judgement(
        judge=str(judge.model),
        kind=form.name,
        subject=one.subject.key,
        judge_identity=judge.identity,
        wording_hash=form.hash,
        repeat=one.repeat,
        value=verdict.value,
        label=verdict.label,
        details=verdict.details or None,
        item=one.subject.item,
        outcome="failed" if failed else "answered",
        reason=verdict.problem or "",
    )


_folders: dict[Path, _Folder] = {}
_desks: RunVar[dict[tuple[object, ...], Desk]] = RunVar("penchant_desks")


def judge_desk(
    directory: Path,
    *,
    price: str | None = None,
    max_calls: int | None = None,
    budget_usd: float | None = None,
    reask_failed: bool = False,
) -> Desk:
    """The desk of a folder of journals: one a run, whose purse it shares, else one a scoring.

    A scoring is all that happens in one event loop with the same limits.
    """
    running = running_session()
    if running is not None:
        return running.once(
            f"judging in {directory}",
            lambda: _of_run(running, directory, price=price, reask_failed=reask_failed),
        )
    desks = _desks.get({})
    _desks.set(desks)
    key = (directory, price, max_calls, budget_usd, reask_failed)
    if key not in desks:
        purse = Purse(max_calls, budget_usd)
        desks[key] = _desk(directory, purse, price=price, reask_failed=reask_failed)
    return desks[key]


def _of_run(run: Session, directory: Path, *, price: str | None, reask_failed: bool) -> Desk:
    """A desk that spends from the run's purse and tells its journal, where a resumed run finds it:
    the folder's journal does not say which run paid for an answer."""
    again = run.reask_failed or reask_failed
    desk = _desk(directory, run.purse, price=price, reask_failed=again)
    desk.counter.booked = run.journal
    run.desks.append(desk.counter)
    return desk


def _desk(directory: Path, purse: Purse, *, price: str | None, reask_failed: bool) -> Desk:
    if directory not in _folders:
        _folders[directory] = _Folder(Entries(directory / "judgements.jsonl", Reply))
    folder = _folders[directory]
    if reask_failed:
        folder.asked.clear()
    return Desk(
        Counter(
            journal=folder.journal,
            purse=purse,
            reask_failed=reask_failed,
            price=price,
            price_option="judge_price",
            optional=True,
        ),
        folder,
    )
