"""Judges are asked once for each text, and never guessed."""

import json
from pathlib import Path

import anyio
import pytest
from inspect_ai.model import GenerateConfig, ModelOutput, ModelUsage, get_model

from harness.errors import UsageError
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


async def test_another_provider_is_asked_one_by_one(tmp_path: Path) -> None:
    """Its time limit is Inspect's, for one try; its answers are read the same; one retry each."""
    outputs = [
        ModelOutput.from_content("mockllm/model", text)
        for text in ('{"coherence": 0.5}', "It is fine.", '{"coherence": 2}', '{"coherence": 1}',
                     "Quite fine.")
    ]  # fmt: skip
    for output in outputs:
        # Without a usage Inspect counts tokens itself, with a tokenizer off the network.
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    model = get_model("mockllm/model", memoize=False, custom_outputs=outputs)
    one = Judge(model, JudgeSettings(timeout=1.5))
    config = one.asker(COHERENCE).config
    assert (config.attempt_timeout, config.timeout, config.temperature) == (2, 2, 0.0)
    assert config.response_schema is None and config.max_tokens == 512
    found = await judge_desk(tmp_path / "j").judge(one, COHERENCE, SUBJECTS[:3])
    assert sorted((f.outcome, f.value) for f in found if f.value is not None) == [
        ("answered", 0.5), ("answered", 1.0),
    ]  # fmt: skip
    assert [f.outcome for f in found].count("failed") == 1


def test_settings_stand_over_the_role_and_that_over_defaults() -> None:
    """Temperature, tokens and thinking; a schema where the provider takes one; identity without."""
    own = GenerateConfig(temperature=0.7, max_tokens=99)
    role = get_model("sim/judge", memoize=False, config=own)
    assert Judge(role, JudgeSettings()).config.temperature == 0.7
    assert Judge(role, JudgeSettings()).config.max_tokens == 99
    given = JudgeSettings(temperature=0.2, max_tokens=7, thinking="low")
    config = Judge(role, given).config
    assert (config.temperature, config.max_tokens) == (0.2, 7)
    assert config.reasoning_effort == "low"
    plain = Judge(get_model("sim/judge", memoize=False), JudgeSettings())
    schema = plain.asker(REFUSAL).config.response_schema
    assert schema is not None and schema.name == "refusal"
    assert plain.identity != Judge(role, JudgeSettings()).identity


async def test_what_is_asked_again_is_asked_once(tmp_path: Path) -> None:
    """`reask_failed` asks a failed text once more in a scoring, however many samples hold it."""
    one = judge(tmp_path, JudgeSettings(timeout=0.05), slow=1)
    some = SUBJECTS[:4]
    await judge_desk(tmp_path / "j").judge(one, REFUSAL, some)
    before = asked(tmp_path)
    for _ in range(3):
        await judge_desk(tmp_path / "j", reask_failed=True).judge(one, REFUSAL, some)
    assert asked(tmp_path) - before == 2 * len(some)


async def test_a_later_scoring_says_how_to_ask_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line with the number that had no answer, once a scoring; none where all have one, nor in
    the scoring that asks them again; what answered off the point is not among them."""
    from harness.measuring import judging

    said: list[str] = []
    monkeypatch.setattr(judging, "say", said.append)
    down = judge(tmp_path, JudgeSettings(timeout=0.3), slow=0.3, prose=0.2)
    first = await judged(tmp_path, down)
    assert said == []
    late = sum(one.reason.startswith("timeout") for one in first)
    assert 3 <= late <= 22
    judging._folders.clear()
    judging._desks.set({})
    for _ in range(2):
        await judged(tmp_path, down)
    line = (
        f"{late} verdicts of sim/judge on refusal had no answer earlier and stay failed; "
        "-S reask_failed=true asks for them again"
    )
    assert said == [line]
    await judge_desk(tmp_path / "j", reask_failed=True).judge(down, REFUSAL, SUBJECTS)
    await judged(tmp_path, judge(tmp_path), folder="other")
    await judged(tmp_path, judge(tmp_path), folder="other")
    assert said == [line]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (JudgeSettings(repeats=0), "repeats=0; expected at least 1"),
        (JudgeSettings(timeout=0), "timeout=0; expected seconds, above 0"),
        (JudgeSettings(timeout=float("inf")), "timeout=inf; expected seconds"),
        (JudgeSettings(max_tokens=0), "max_tokens=0; expected at least 1"),
        (JudgeSettings(temperature=-0.5), "temperature=-0.5; expected at least 0"),
        (JudgeSettings(temperature=float("nan")), "temperature=nan; expected at least 0"),
    ],
)
def test_settings_of_judges_out_of_range_are_named(settings: JudgeSettings, said: str) -> None:
    """And the least that is in range is taken."""
    with pytest.raises(UsageError, match=f"^judge_{said}"):
        settings.check(where="judge_")
    JudgeSettings(repeats=1, timeout=0.1, max_tokens=1, temperature=0).check(where="judge_")
