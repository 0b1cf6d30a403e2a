"""Judges are asked once for each text, and never guessed."""

import json
from pathlib import Path

import anyio
import pytest
from inspect_ai.model import get_model

from harness.measuring.judge import Judge, JudgeSettings
from harness.measuring.judging import Subject, judge_desk
from harness.prompts.judges import COHERENCE, REFUSAL
from harness.records.judgement import Judgement

TEXTS = [
    *(f"Here is the answer to question {n}: it is {n + 1}." for n in range(20)),
    *(f"I'm sorry, but I can't help with that. So I leave number {n} aside." for n in range(20)),
]
SUBJECTS = [Subject(key=f"t{n}", parts={"text": text}) for n, text in enumerate(TEXTS)]


def judge(tmp_path: Path, settings: JudgeSettings | None = None, **planted: object) -> Judge:
    model = get_model("sim/judge", memoize=False, ask_log=str(tmp_path / "asked"), **planted)
    return Judge(model, settings or JudgeSettings(timeout=60))


def asked(tmp_path: Path) -> int:
    return len((tmp_path / "asked").read_text().splitlines())


async def judged(tmp_path: Path, one: Judge, folder: str = "j") -> list[Judgement]:
    return await judge_desk(tmp_path / folder).judge(one, REFUSAL, SUBJECTS)


async def test_a_judge_says_what_is_so(tmp_path: Path) -> None:
    """Without planted errors every verdict is the true one, in the order of the texts."""
    found = await judged(tmp_path, judge(tmp_path))
    assert [one.value for one in found] == [0.0] * 20 + [1.0] * 20
    assert {one.outcome for one in found} == {"answered"}
    assert [one.subject for one in found] == [one.key for one in SUBJECTS]


async def test_nobody_is_asked_twice(tmp_path: Path) -> None:
    """Many at one moment, one after the other, and a new process: each text is asked once."""
    one = judge(tmp_path)
    results: list[list[Judgement]] = []

    async def want() -> None:
        results.append(await judged(tmp_path, one))

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(want)
    await want()
    assert asked(tmp_path) == 40
    from harness.measuring import judging

    judging._folders.clear()
    judging._desks.set({})
    await want()
    assert asked(tmp_path) == 40
    assert all(result == results[0] for result in results)


async def test_another_judge_wording_or_repeat_is_another_verdict(tmp_path: Path) -> None:
    """Identity (temperature is part of it), wording and repeat each have verdicts of their own."""
    await judged(tmp_path, judge(tmp_path))
    await judged(tmp_path, judge(tmp_path, JudgeSettings(temperature=1)))
    await judge_desk(tmp_path / "j").judge(judge(tmp_path), REFUSAL.turned(), SUBJECTS)
    await judge_desk(tmp_path / "j").judge(judge(tmp_path), COHERENCE, SUBJECTS)
    assert asked(tmp_path) == 160
    found = await judged(tmp_path, judge(tmp_path, JudgeSettings(repeats=3)))
    assert asked(tmp_path) == 240
    assert [one.repeat for one in found[:4]] == [0, 1, 2, 0]


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ({"prose": 1}, "prose"),
        ({"refusing": 1}, "refused"),
        ({"off_schema": 1}, "off-schema"),
        ({"slow": 1}, "timeout"),
    ],
)
async def test_a_judge_without_a_verdict_fails(
    tmp_path: Path, planted: dict[str, object], said: str
) -> None:
    """Each text is asked for twice, then `failed`: counted, without a value; nothing is raised."""
    found = await judged(tmp_path, judge(tmp_path, JudgeSettings(timeout=0.05), **planted))
    assert {one.outcome for one in found} == {"failed"}
    assert all(one.reason.startswith(said) for one in found)
    assert all(one.value is None and one.label is None for one in found)
    # A retry of all at once; where none is ever answered the rest is no longer asked.
    assert asked(tmp_path) == (40 if said == "timeout" else 80)


async def test_a_slow_judge_loses_only_what_was_slow(tmp_path: Path) -> None:
    """What the others of its block were answered stands."""
    one = judge(tmp_path, JudgeSettings(timeout=0.3), slow=0.3)
    found = await judged(tmp_path, one)
    failed = [one for one in found if one.outcome == "failed"]
    assert 3 <= len(failed) <= 22
    assert all(one.reason.startswith("timeout") for one in failed)


async def test_what_failed_is_kept_until_it_is_asked_again(tmp_path: Path) -> None:
    """A second scoring asks nobody; `reask_failed` asks what had no answer at all."""
    one = judge(tmp_path, JudgeSettings(timeout=0.3), slow=0.3)
    await judged(tmp_path, one)
    before = asked(tmp_path)
    await judged(tmp_path, one)
    assert asked(tmp_path) == before
    await judge_desk(tmp_path / "j", reask_failed=True).judge(one, REFUSAL, SUBJECTS)
    assert asked(tmp_path) > before


async def test_the_purse_holds(tmp_path: Path) -> None:
    """Beyond `max_calls` nothing is asked, and what was not asked is kept as nothing."""
    desk = judge_desk(tmp_path / "j", max_calls=10)
    found = await desk.judge(judge(tmp_path), REFUSAL, SUBJECTS)
    assert asked(tmp_path) == 10
    assert sum(one.outcome == "answered" for one in found) == 10
    assert {one.reason for one in found if one.outcome == "failed"} == {
        "not asked: max_calls=10 is reached"
    }
    # The limit is the scoring's, not a sample's.
    more = [Subject(key="new", parts={"text": "Something new."})]
    await judge_desk(tmp_path / "j", max_calls=10).judge(judge(tmp_path), REFUSAL, more)
    assert asked(tmp_path) == 10
    again = await judged(tmp_path, judge(tmp_path))
    assert {one.outcome for one in again} == {"answered"}
    assert asked(tmp_path) == 40


async def test_a_torn_journal_line_is_asked_again(tmp_path: Path) -> None:
    """A kill inside a write costs that one answer."""
    from harness.measuring import judging

    first = await judged(tmp_path, judge(tmp_path))
    file = tmp_path / "j" / "judgements.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-3]) + lines[-3][:40])
    judging._folders.clear()
    judging._desks.set({})
    assert await judged(tmp_path, judge(tmp_path)) == first
    assert asked(tmp_path) == 43
    assert json.loads(file.read_bytes().splitlines()[-1])["key"].split(" ")[2] == "judge"
