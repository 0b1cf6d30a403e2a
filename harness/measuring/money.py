"""What a run may cost: prices, and the purse that admits questions."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio
import msgspec
from inspect_ai.model import Model

from harness.errors import UsageError
from harness.models.inspect_api import model_info
from harness.wire import Message, Question, Reply

__all__ = [
    "CHARS_PER_TOKEN",
    "UNKNOWN_OUTPUT",
    "Price",
    "Purse",
    "price_of",
    "prompt_chars",
    "read_price",
    "true_cost",
]

CHARS_PER_TOKEN = 4
"""Rule of thumb for English text, used where nothing better is known before a call."""

_LEARNED = 200
"""Replies that estimates learn from; more change them little."""

_TURN = 16
"""Characters that the form of a turn is worth: four tokens."""

UNKNOWN_OUTPUT = 300
"""Output tokens guessed for a call without a token limit, until replies teach better."""


def prompt_chars(messages: Sequence[Message]) -> int:
    """Characters of a prompt, with what the form of its turns is worth."""
    return sum(len(message.content) + _TURN for message in messages)


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
    so that what is in flight cannot overrun the budget by more than the estimates are wrong. These
    learn from replies how long answers are and how many tokens a prompt has for its characters.
    With `ends`, a question that is not admitted ends the run; else it counts as failed. `refused`
    is why the first one was never asked; whoever asks sets it, once nothing is under way.
    """

    max_calls: int | None = None
    budget_usd: float | None = None
    calls: int = 0
    spent: float = 0.0
    reserved: float = 0.0
    ends: bool = False
    refused: str | None = None
    _outputs: list[int] = field(default_factory=list)
    _read: int = 0
    _reckoned: float = 0.0
    _waiting: list[anyio.Event] = field(default_factory=list)

    @property
    def pending(self) -> bool:
        """Whether a no is for now: what is under way may cost less than is reserved for it."""
        full = self.max_calls is not None and self.calls >= self.max_calls
        return self.reserved > 1e-12 and not full

    async def change(self) -> None:
        """Wait until something under way is settled or given up."""
        changed = anyio.Event()
        self._waiting.append(changed)
        try:
            await changed.wait()
        finally:
            self._waiting.remove(changed)

    def release(self, reserved: float) -> None:
        """Free what was reserved for questions that are not under way any more."""
        self.reserved = max(0.0, self.reserved - reserved)
        for changed in self._waiting:
            changed.set()

    def admit(self, question: Question, price: Price | None, max_tokens: int | None) -> str | None:
        """None where the question may be asked, else why not. Each admission must be settled."""
        refusal = self._refusal(question, price, max_tokens)
        if refusal is None:
            self.calls += 1
            self.reserved += self.estimate(question, price, max_tokens)
        return refusal

    def _refusal(
        self, question: Question, price: Price | None, max_tokens: int | None
    ) -> str | None:
        if self.max_calls is not None and self.calls >= self.max_calls:
            return f"not asked: max_calls={self.max_calls} is reached"
        estimate = self.estimate(question, price, max_tokens)
        if self.budget_usd is not None and self.spent + self.reserved + estimate > self.budget_usd:
            return f"not asked: budget_usd={self.budget_usd:g} would be exceeded"
        return None

    def estimate(self, question: Question, price: Price | None, max_tokens: int | None) -> float:
        """Dollars that the question is expected to cost; 0 where no price is known."""
        if price is None:
            return 0.0
        if self._outputs:
            output: float = sum(self._outputs) / len(self._outputs)
        else:
            output = max_tokens or UNKNOWN_OUTPUT
        more = self._read / self._reckoned if self._reckoned else 1.0
        return price.cost(more * prompt_chars(question.messages) / CHARS_PER_TOKEN, output)

    def settle(
        self, question: Question, reply: Reply, price: Price | None, reserved: float
    ) -> None:
        """Book what an admitted question really cost, and free what was reserved for it."""
        self.spent += true_cost(reply, price)
        self.release(reserved)
        if reply.error is not None or len(self._outputs) >= _LEARNED:
            return
        self._outputs.append(reply.output_tokens)
        if reply.input_tokens:
            self._read += reply.input_tokens
            self._reckoned += prompt_chars(question.messages) / CHARS_PER_TOKEN

    def account(self) -> str:
        """What was spent, after a line that says that the budget ended; "" without one."""
        return "" if self.budget_usd is None else f"; ${self.spent:,.2f} spent"

    def replay(self, reply: Reply, price: Price | None) -> None:
        """Book a reply of an earlier attempt of this run."""
        self.calls += 1
        self.spent += true_cost(reply, price)


def true_cost(reply: Reply, price: Price | None) -> float:
    """What a reply cost: as the provider says, else tokens times price, else 0."""
    if reply.cost is not None:
        return reply.cost
    return 0.0 if price is None else price.cost(reply.input_tokens, reply.output_tokens)
