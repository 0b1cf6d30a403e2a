from functools import partial
from typing import Any

import anyio
import pytest

from harness.errors import UsageError
from harness.measuring.forecast import Forecast, PricedJudge, forecast_line
from harness.measuring.judge_calls import JudgeCalls
from harness.measuring.money import Price, Purse, read_price
from harness.measuring.tallies.pilot import Pilot
from harness.wire import Message, Question, Reply

QUESTION = Question(messages=(Message("user", "x" * 400),))
PRICE = Price(1.0, 2.0)


def test_purse_spends_at_most_the_budget_when_estimates_hold() -> None:
    """With true costs at their estimates the budget is never exceeded, and nearly used."""
    purse = Purse(budget_usd=0.01)
    admitted = 0
    while purse.admit(QUESTION, PRICE, 50) is None:
        admitted += 1
        if admitted % 3 == 0:
            reply = Reply(text="a", input_tokens=104, output_tokens=50)
            purse.settle(QUESTION, reply, PRICE, PRICE.cost(104, 50))
    assert admitted == 49
    assert purse.spent + purse.reserved == pytest.approx(49 * PRICE.cost(104, 50))


def test_purse_learns_how_many_tokens_a_prompt_has() -> None:
    """Where prompts have three times as many tokens as reckoned, one call at a time overruns the
    budget by no more than the first; a failed reply and one without a count teach nothing."""
    purse = Purse(budget_usd=0.01)
    for silent in (Reply(error="503", stop="unknown", input_tokens=9), Reply(text="a")):
        assert purse.admit(QUESTION, PRICE, 50) is None
        purse.settle(QUESTION, silent, None, PRICE.cost(104, 50))
    assert purse.estimate(QUESTION, PRICE, 50) == pytest.approx(PRICE.cost(104, 0), abs=1e-6)
    purse = Purse(budget_usd=0.01)
    while purse.admit(QUESTION, PRICE, 50) is None:
        reserved = purse.reserved
        reply = Reply(text="a", input_tokens=312, output_tokens=50)
        purse.settle(QUESTION, reply, PRICE, reserved)
    assert purse.estimate(QUESTION, PRICE, 50) == pytest.approx(PRICE.cost(312, 50))
    assert 0.0094 < purse.spent <= 0.01


def test_purse_counts_calls_of_an_earlier_attempt() -> None:
    """A resumed run goes on counting where the killed one was."""
    purse = Purse(max_calls=3)
    purse.replay(Reply(text="a"), None)
    assert purse.admit(QUESTION, None, None) is None
    assert purse.admit(QUESTION, None, None) is None
    assert purse.admit(QUESTION, None, None) == "not asked: max_calls=3 is reached"


async def test_pilot_holds_the_rest_back() -> None:
    """Questions beyond the pilot wait until every sample of the pilot is over."""
    pilot = Pilot(4)
    started: list[int] = []

    async def sample(number: int, release: anyio.Event) -> None:
        inside = await pilot.enter(2)
        started.append(number)
        if inside:
            await release.wait()
            pilot.leave(["answered", "invalid"])

    release = anyio.Event()
    async with anyio.create_task_group() as group:
        for number in range(6):
            group.start_soon(sample, number, release)
        await anyio.wait_all_tasks_blocked()
        assert started == [0, 1]
        release.set()
    assert sorted(started) == list(range(6))
    assert pilot.outcomes == {"answered": 2, "invalid": 2}


def test_forecast_scales_with_limit_and_epochs() -> None:
    """Calls are the share of the data set that the run takes, questions times the epochs."""
    forecast = Forecast(
        samples=100, questions=400, items=100, makes_completions=True, question_chars=400,
        item_chars=40, question_output=10, completion_output=100,
    )  # fmt: skip
    line = forecast_line(forecast, samples=50, epochs=2, price=PRICE)
    assert line.startswith("400 questions + 50 completions = 450 calls; about 40.5 k tokens in")
    assert line.endswith("at most 9.0 k out; up to about $0.06")


def forecast(**fields: Any) -> Forecast:
    """Of 10 samples with 30 questions on 20 items."""
    usual: dict[str, Any] = {
        "samples": 10, "questions": 30, "items": 20, "makes_completions": True,
        "question_chars": 400, "item_chars": 40, "question_output": 10, "completion_output": 100,
    }  # fmt: skip
    return Forecast(**usual | fields)


def test_a_forecast_is_of_the_samples_that_are_taken() -> None:
    """Of more than there are all, of none nothing; completions are made once, whatever the epochs,
    and only by a run that makes any."""
    calls = forecast().calls
    assert calls(samples=10, epochs=1) == {"questions": 30, "completions": 20}
    assert calls(samples=5, epochs=3) == {"questions": 45, "completions": 10}
    assert calls(samples=99, epochs=1) == {"questions": 30, "completions": 20}
    assert calls(samples=0, epochs=1) == {"questions": 0, "completions": 0}
    assert forecast(samples=0).calls(samples=3, epochs=2) == {"questions": 0, "completions": 0}
    given = forecast(makes_completions=False).calls(samples=10, epochs=2)
    assert given == {"questions": 60, "completions": 0}


JUDGED = (
    JudgeCalls(kind="refusal", calls=20, chars=100, output=5),
    JudgeCalls(kind="executed_task", calls=30, chars=10, output=7, each_epoch=True),
    JudgeCalls(kind="attitude", calls=40, chars=1, output=1, first_only=True),
)


def test_a_judge_is_asked_what_is_its_own() -> None:
    """The first everything, others what is not the first's alone; of replies once an epoch."""
    judged = forecast(judged=JUDGED)
    assert judged.judge_calls(0, samples=5, epochs=3) == (10 + 45 + 20, 1470.0, 50 + 315 + 20)
    assert judged.judge_calls(1, samples=5, epochs=3) == (10 + 45, 1450.0, 50 + 315)
    assert judged.judge_calls(0, samples=99, epochs=1) == (90, 2340.0, 350)
    assert forecast(judged=JUDGED, samples=0).judge_calls(0, samples=5, epochs=1) == (0, 0.0, 0)


def test_the_line_names_who_costs_what() -> None:
    """Tokens in k and M, the judges' dollars with the model's, and who has no price."""
    line = partial(forecast_line, forecast(judged=JUDGED), samples=10, epochs=1)
    plain = line(price=None)
    assert plain == (
        "30 questions + 20 completions = 50 calls; about 3.2 k tokens in, at most 2.3 k out"
    )
    priced = [PricedJudge("dear", Price(100.0, 100.0)), PricedJudge("free", None)]
    both = line(price=PRICE, judges=priced)
    assert both == (
        "30 questions + 20 completions + 140 judgements = 190 calls; about 4.4 k tokens in, "
        "at most 3.0 k out; up to about $0.10, and what free may cost"
    )
    read = forecast(judged=JUDGED, answers_judged=True)
    told = forecast_line(read, samples=10, epochs=1, price=None, judges=priced[:1])
    assert told.endswith("; up to about $0.09, and what the model may cost; besides, a judge reads "
                         "answers that the rules leave open")  # fmt: skip
    many = forecast(questions=3_000_000, question_chars=4)
    assert "about 3.0 M tokens in" in forecast_line(many, samples=10, epochs=1, price=None)
    few = forecast(questions=1, items=0, question_chars=4)
    assert "about 1 tokens in, at most 10 out" in forecast_line(
        few, samples=10, epochs=1, price=None
    )


@pytest.mark.parametrize(
    ("enter", "ends"), [([1], [True]), ([2, 2], [False, True]), ([1, 1, 1], [False, False, True])]
)
async def test_the_last_sample_of_a_pilot_ends_it_and_no_other(
    enter: list[int], ends: list[bool]
) -> None:
    """Once, when nobody is left in it; what comes later is counted by nobody."""
    pilot = Pilot(sum(enter))
    assert [await pilot.enter(questions) for questions in enter] == [True] * len(enter)
    assert [pilot.leave(["answered"]) for _ in enter] == ends
    assert not await pilot.enter(1)
    assert not pilot.leave([])
    assert pilot.outcomes == {"answered": len(enter)}


async def test_a_pilot_of_none_lets_everybody_through() -> None:
    """Nobody waits, and nobody belongs to it."""
    pilot = Pilot(0)
    assert [await pilot.enter(3) for _ in range(2)] == [False, False]


@pytest.mark.parametrize("text", ["0,0", "0,1", "1.5,0"])
def test_a_price_may_be_nothing(text: str) -> None:
    """What is free costs 0."""
    price = read_price(text)
    assert price.cost(2e6, 1e6) == pytest.approx(2 * price.input + price.output)


@pytest.mark.parametrize("text", ["1", "1,2,3", "a,b", "-1,2", ""])
def test_bad_price_is_refused(text: str) -> None:
    """Anything but two numbers from 0 is refused with an example."""
    with pytest.raises(UsageError, match="expected IN,OUT"):
        read_price(text)
