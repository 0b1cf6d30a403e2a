"""What a run may cost: the purse that admits questions, the pilot, and the forecast."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio
import msgspec
from inspect_ai.model import Model

from harness.errors import UsageError
from harness.models.inspect_api import model_info
from harness.wire import Question, Reply

__all__ = [
    "CHARS_PER_TOKEN",
    "Forecast",
    "Pilot",
    "Price",
    "Purse",
    "forecast_line",
    "price_of",
    "read_price",
    "true_cost",
]

CHARS_PER_TOKEN = 4
"""Rule of thumb for English text, used where nothing better is known before a call."""

_UNKNOWN_OUTPUT = 300
"""Output tokens guessed for a call without a token limit, until replies teach better."""


class Price(msgspec.Struct, frozen=True):
    """US dollars per million tokens."""

    input: float
    output: float

    def cost(self, input_tokens: float, output_tokens: float) -> float:
        """Dollars for so many tokens."""
        return (input_tokens * self.input + output_tokens * self.output) / 1e6


def read_price(text: str) -> Price:
    """`IN,OUT` as a price; UsageError for anything else."""
    parts = text.split(",")
    try:
        price = Price(*(float(part) for part in parts))
    except (TypeError, ValueError):
        price = Price(-1, -1)
    if price.input < 0 or price.output < 0:
        raise UsageError(
            f"price={text!r}; expected IN,OUT in US dollars per million tokens, such as 0.1,0.4"
        )
    return price


def price_of(model: Model | str, given: str | None) -> Price | None:
    """What a model costs: as given, by its provider's own `price()` (a pool), by Inspect's data."""
    if given is not None:
        return read_price(given)
    own = None if isinstance(model, str) else getattr(model.api, "price", None)
    if callable(own) and (price := own()) is not None:
        return Price(*price)
    info = model_info(str(model))
    if info is not None and info.cost is not None:
        return Price(info.cost.input, info.cost.output)
    return None


@dataclass
class Purse:
    """Admits questions while calls and dollars last.

    A question is charged its estimate when it is admitted and its true cost when it is settled,
    so that what is in flight cannot overrun the budget by more than the estimates are wrong.
    """

    max_calls: int | None = None
    budget_usd: float | None = None
    calls: int = 0
    spent: float = 0.0
    reserved: float = 0.0
    _outputs: list[int] = field(default_factory=list)

    def admit(self, question: Question, price: Price | None, max_tokens: int | None) -> str | None:
        """None where the question may be asked, else why not. Each admission must be settled."""
        if self.max_calls is not None and self.calls >= self.max_calls:
            return f"not asked: max_calls={self.max_calls} is reached"
        estimate = self.estimate(question, price, max_tokens)
        if self.budget_usd is not None and self.spent + self.reserved + estimate > self.budget_usd:
            return f"not asked: budget_usd={self.budget_usd:g} would be exceeded"
        self.calls += 1
        self.reserved += estimate
        return None

    def estimate(self, question: Question, price: Price | None, max_tokens: int | None) -> float:
        """Dollars that the question is expected to cost; 0 where no price is known."""
        if price is None:
            return 0.0
        chars = sum(len(message.content) for message in question.messages)
        if self._outputs:
            output: float = sum(self._outputs) / len(self._outputs)
        else:
            output = max_tokens or _UNKNOWN_OUTPUT
        return price.cost(chars / CHARS_PER_TOKEN, output)

    def settle(self, reply: Reply, price: Price | None, reserved: float) -> None:
        """Book what an admitted question really cost, and free what was reserved for it."""
        self.reserved = max(0.0, self.reserved - reserved)
        self.spent += true_cost(reply, price)
        if reply.error is None and len(self._outputs) < 200:
            self._outputs.append(reply.output_tokens)

    def replay(self, reply: Reply, price: Price | None) -> None:
        """Book a reply of an earlier attempt of this run."""
        self.calls += 1
        self.spent += true_cost(reply, price)


def true_cost(reply: Reply, price: Price | None) -> float:
    """What a reply cost: as the provider says, else tokens times price, else 0."""
    if reply.cost is not None:
        return reply.cost
    return 0.0 if price is None else price.cost(reply.input_tokens, reply.output_tokens)


class Pilot:
    """Lets the first `size` questions through and holds the rest until these are answered."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._started = 0
        self._pending = 0
        self._over = anyio.Event()
        self.outcomes: dict[str, int] = {}

    async def enter(self, questions: int) -> bool:
        """Wait until so many questions may be asked; true where they belong to the pilot."""
        if self._started >= self.size:
            if self.size:
                await self._over.wait()
            return False
        self._started += questions
        self._pending += 1
        return True

    def leave(self, outcomes: Sequence[str]) -> bool:
        """Count the outcomes of a sample of the pilot; true for the one that ends it."""
        for outcome in outcomes:
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        self._pending -= 1
        if self._pending == 0 and not self._over.is_set():
            self._over.set()
            return True
        return False


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What a whole data set would ask, kept in the task's metadata.

    `samples` Inspect samples hold `questions` questions on `items` items; characters are means
    of one question's and one item's prompt; output tokens are the stages' limits.
    """

    samples: int
    questions: int
    items: int
    makes_completions: bool
    question_chars: float
    item_chars: float
    question_output: int | None
    completion_output: int | None
    price: str | None = None


def forecast_line(forecast: Forecast, *, samples: int, epochs: int, price: Price | None) -> str:
    """One line that says calls, tokens and, where a price is known, dollars.

    `samples` is how many samples this run takes (`--limit`) of the data set's.
    """
    share = min(1.0, samples / forecast.samples) if forecast.samples else 0.0
    questions = round(forecast.questions * share) * epochs
    completions = round(forecast.items * share) if forecast.makes_completions else 0
    tokens_in = (
        questions * forecast.question_chars + completions * forecast.item_chars
    ) / CHARS_PER_TOKEN
    tokens_out = questions * (forecast.question_output or _UNKNOWN_OUTPUT) + completions * (
        forecast.completion_output or _UNKNOWN_OUTPUT
    )
    made = f" + {completions:,} completions" if completions else ""
    line = (
        f"{questions:,} questions{made} = {questions + completions:,} calls; "
        f"about {_tokens(tokens_in)} tokens in, at most {_tokens(tokens_out)} out"
    )
    if price is not None:
        line += f"; at most ${price.cost(tokens_in, tokens_out):,.2f}"
    return line


def _tokens(count: float) -> str:
    if count >= 1e6:
        return f"{count / 1e6:.1f} M"
    return f"{count / 1e3:.1f} k" if count >= 1e3 else f"{count:.0f}"
