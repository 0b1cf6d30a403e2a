"""What a run will ask, reckoned before it asks anything."""

from collections.abc import Sequence

import msgspec

from harness.items.item import Item
from harness.measuring.completer import COMPLETION_TOKENS, Completer
from harness.measuring.judge_calls import JudgeCalls, judge_calls
from harness.measuring.measure import Measure, default_tokens
from harness.measuring.money import CHARS_PER_TOKEN, UNKNOWN_OUTPUT, Price, prompt_chars
from harness.measuring.options import Options
from harness.prompts.render import completion_messages

__all__ = ["Forecast", "PricedJudge", "forecast_line", "forecast_of"]


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What a whole data set would ask, kept in the task's metadata.

    `samples` Inspect samples hold `questions` questions on `items` items; characters are means
    of one question's and one item's prompt; output tokens are the stages' limits. `judged` is what
    each judge would be asked, `answers_judged` whether one reads besides what the rules leave open;
    `completions_each` says how many completions are made of an item; `more` questions may follow
    once those of the samples are answered.
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
    judged: tuple[JudgeCalls, ...] = ()
    judge_price: str | None = None
    answers_judged: bool = False
    completions_each: int = 1
    more: int = 0

    def calls(self, *, samples: int, epochs: int) -> dict[str, int]:
        """Calls of each stage in a run of `samples` of the data set's samples."""
        share = min(1.0, samples / self.samples) if self.samples else 0.0
        return {
            "questions": round(self.questions * share) * epochs,
            "completions": round(self.items * share) if self.makes_completions else 0,
        }

    def judge_calls(self, judge: int, *, samples: int, epochs: int) -> tuple[int, float, int]:
        """Calls of the judge of that number (0 the first), with their characters and output."""
        share = min(1.0, samples / self.samples) if self.samples else 0.0
        counted = [
            (round(one.calls * share) * (epochs if one.each_epoch else 1), one)
            for one in self.judged
            if judge == 0 or not one.first_only
        ]
        calls = sum(count for count, _ in counted)
        chars = sum(count * one.chars for count, one in counted)
        return calls, chars, sum(count * one.output for count, one in counted)


class PricedJudge(msgspec.Struct, frozen=True):
    """A judge of a run by its model's name; `price` None where it is not known."""

    name: str
    price: Price | None


def forecast_of(
    options: Options,
    items: Sequence[Item],
    measure: Measure | None,
    *,
    samples: int,
    questions: int,
    completer: Completer | None,
    always: Sequence[str] = (),
    more: int = 0,
) -> Forecast:
    """The forecast of a run over `items`.

    `measure` is None where items are only completed; `completer` makes completions within the run,
    None where it makes none; `always` are the kinds that are judged whatever the options say.
    """
    item_chars = sum(len(item.text) for item in items) / max(1, len(items))
    prompts = [prompt_chars(completion_messages(item.text, _system(completer))) for item in items]
    made = options.completion_max_tokens or COMPLETION_TOKENS
    question_chars = 0.0
    question_output = None
    if measure is not None:
        question_chars = measure.chars(items, answered=made * CHARS_PER_TOKEN)
        question_output = measure.options.measurement_max_tokens or default_tokens(
            measure.template, measure.options.response
        )
    return Forecast(
        samples=samples,
        questions=questions,
        items=len(items),
        makes_completions=completer is not None,
        question_chars=question_chars,
        item_chars=sum(prompts) / max(1, len(prompts)),
        question_output=question_output,
        completion_output=made,
        price=options.price,
        judged=judge_calls(
            options,
            measure,
            texts=len(items),
            questions=questions,
            item_chars=item_chars,
            text_chars=made * CHARS_PER_TOKEN,
            reply_chars=(question_output or UNKNOWN_OUTPUT) * CHARS_PER_TOKEN,
            always=always,
        ),
        judge_price=options.judge_price,
        answers_judged=bool(getattr(options, "answer_judge", False)),
        more=more,
    )


def _system(completer: Completer | None) -> str | None:
    return None if completer is None else completer.system


def forecast_line(
    forecast: Forecast,
    *,
    samples: int,
    epochs: int,
    price: Price | None,
    judges: Sequence[PricedJudge] = (),
) -> str:
    """One line that says calls, tokens and, where a price is known, dollars.

    `samples` is how many samples this run takes (`--limit`) of the data set's; `judges` are those
    that the run's roles name.
    """
    calls = forecast.calls(samples=samples, epochs=epochs)
    questions, completions = calls["questions"] + forecast.more, calls["completions"]
    tokens_in = (
        questions * forecast.question_chars + completions * forecast.item_chars
    ) / CHARS_PER_TOKEN
    tokens_out = questions * (forecast.question_output or UNKNOWN_OUTPUT) + completions * (
        forecast.completion_output or UNKNOWN_OUTPUT
    )
    spent = [("the model", price, tokens_in, tokens_out)]
    judgements = 0
    for number, judge in enumerate(judges):
        count, chars, output = forecast.judge_calls(number, samples=samples, epochs=epochs)
        judgements += count
        if count:
            spent.append((judge.name, judge.price, chars / CHARS_PER_TOKEN, output))
    made = f" + {completions:,} completions" if completions else ""
    made += f" + {judgements:,} judgements" if judgements else ""
    line = "up to " if forecast.more else ""
    line += (
        f"{questions:,} questions{made} = {questions + completions + judgements:,} calls; "
        f"about {_tokens(sum(part[2] for part in spent))} tokens in, "
        f"at most {_tokens(sum(part[3] for part in spent))} out"
    )
    line += _dollars(spent)
    if judges and forecast.answers_judged:
        line += "; besides, a judge reads answers that the rules leave open"
    return line


def _dollars(spent: Sequence[tuple[str, Price | None, float, float]]) -> str:
    """What those with a price cost, and who has none."""
    known = [price.cost(into, out) for _, price, into, out in spent if price is not None]
    if not known:
        return ""
    unknown = [name for name, price, _, _ in spent if price is None]
    beside = f", and what {' and '.join(unknown)} may cost" if unknown else ""
    return f"; up to about ${sum(known):,.2f}{beside}"


def _tokens(count: float) -> str:
    if count >= 1e6:
        return f"{count / 1e6:.1f} M"
    return f"{count / 1e3:.1f} k" if count >= 1e3 else f"{count:.0f}"
