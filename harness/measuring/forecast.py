"""What a run will ask, reckoned before it asks anything."""

from collections.abc import Sequence

import msgspec

from harness.items.item import Item
from harness.measuring.completer import COMPLETION_TOKENS
from harness.measuring.measure import Measure, default_tokens
from harness.measuring.money import CHARS_PER_TOKEN, UNKNOWN_OUTPUT, Price
from harness.measuring.options import Options

__all__ = ["Forecast", "forecast_line", "forecast_of"]


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

    def calls(self, *, samples: int, epochs: int) -> dict[str, int]:
        """Calls of each stage in a run of `samples` of the data set's samples."""
        share = min(1.0, samples / self.samples) if self.samples else 0.0
        return {
            "questions": round(self.questions * share) * epochs,
            "completions": round(self.items * share) if self.makes_completions else 0,
        }


def forecast_of(
    options: Options,
    items: Sequence[Item],
    measure: Measure | None,
    *,
    samples: int,
    questions: int,
    per_question: int,
    completes: bool,
) -> Forecast:
    """The forecast of a run over `items`, each question showing `per_question` of them.

    `measure` is None where items are only completed; `completes` says whether the run makes
    completions itself.
    """
    item_chars = sum(len(item.text) for item in items) / max(1, len(items))
    made = options.completion_max_tokens or COMPLETION_TOKENS
    question_chars = 0.0
    question_output = None
    if measure is not None:
        wording = len(measure.template.questions[measure.timing]) + len(measure.condition.text)
        answered = made * CHARS_PER_TOKEN if measure.post else 0
        question_chars = wording + per_question * (item_chars + answered)
        question_output = measure.options.measurement_max_tokens or default_tokens(
            measure.template, measure.options.response
        )
    return Forecast(
        samples=samples,
        questions=questions,
        items=len(items),
        makes_completions=completes,
        question_chars=question_chars,
        item_chars=item_chars,
        question_output=question_output,
        completion_output=made,
        price=options.price,
    )


def forecast_line(forecast: Forecast, *, samples: int, epochs: int, price: Price | None) -> str:
    """One line that says calls, tokens and, where a price is known, dollars.

    `samples` is how many samples this run takes (`--limit`) of the data set's.
    """
    calls = forecast.calls(samples=samples, epochs=epochs)
    questions, completions = calls["questions"], calls["completions"]
    tokens_in = (
        questions * forecast.question_chars + completions * forecast.item_chars
    ) / CHARS_PER_TOKEN
    tokens_out = questions * (forecast.question_output or UNKNOWN_OUTPUT) + completions * (
        forecast.completion_output or UNKNOWN_OUTPUT
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
