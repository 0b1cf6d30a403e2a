import anyio
import pytest

from harness.errors import UsageError
from harness.measuring.forecast import Forecast, forecast_line
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
            reply = Reply(text="a", input_tokens=100, output_tokens=50)
            purse.settle(reply, PRICE, PRICE.cost(100, 50))
    assert admitted == 50
    assert purse.spent + purse.reserved == pytest.approx(0.01)


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
    assert line.endswith("at most 9.0 k out; at most $0.06")


@pytest.mark.parametrize("text", ["1", "1,2,3", "a,b", "-1,2", ""])
def test_bad_price_is_refused(text: str) -> None:
    """Anything but two numbers from 0 is refused with an example."""
    with pytest.raises(UsageError, match="expected IN,OUT"):
        read_price(text)
