"""What other providers' outputs come to, by the rules of the pool's own path."""

import math
from typing import Any

import pytest
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessageAssistant,
    ContentText,
    Logprob,
    Logprobs,
    ModelOutput,
    ModelUsage,
    TopLogprob,
)
from inspect_ai.model._model_output import StopDetails

from harness.measuring.money import Price, true_cost
from harness.models.first_token import IMPOSSIBLE
from harness.models.replies import reply_of


def output(*, tokens: int = 1, content: Any = "4", logprobs: Logprobs | None = None) -> ModelOutput:
    message = ChatMessageAssistant(content=content)
    choice = ChatCompletionChoice(message=message, stop_reason="stop", logprobs=logprobs)
    return ModelOutput(
        model="m", choices=[choice], usage=ModelUsage(input_tokens=tokens, output_tokens=1)
    )


@pytest.mark.parametrize("count", [10**30, -9])
def test_impossible_usage_is_unknown(count: int) -> None:
    """A count that cannot be is unknown on this path as well."""
    reply = reply_of(output(tokens=count))
    assert (reply.usage_known, reply.input_tokens) == (False, 0)


@pytest.mark.parametrize(("read", "written"), [(None, None), (70, None), (None, 20), (70, 20)])
def test_cached_input_is_input_and_is_paid_for(read: int | None, written: int | None) -> None:
    """Inspect counts what came from or went into a provider's cache apart from the input: tokens
    and dollars of a reply have all three in them."""
    usage = ModelUsage(
        input_tokens=10,
        output_tokens=5,
        input_tokens_cache_read=read,
        input_tokens_cache_write=written,
    )
    whole = 10 + (read or 0) + (written or 0)
    reply = reply_of(output().model_copy(update={"usage": usage}))
    assert (reply.input_tokens, reply.output_tokens) == (whole, 5)
    assert true_cost(reply, Price(3.0, 7.0)) == pytest.approx((3 * whole + 7 * 5) / 1e6)


def test_what_a_provider_says_it_cost_stands() -> None:
    """A provider's own dollars stand over tokens times price."""
    usage = ModelUsage(input_tokens=10, output_tokens=5, total_cost=0.5)
    reply = reply_of(output().model_copy(update={"usage": usage}))
    assert true_cost(reply, Price(3.0, 7.0)) == 0.5


def test_lone_surrogates_are_replaced() -> None:
    """A reply with a lone surrogate can be written to a journal."""
    assert reply_of(output(content="4 \ud800")).text == "4 \ufffd"


def test_a_refusal_field_is_a_refusal() -> None:
    """OpenAI's `message.refusal` is a content filter's stop with its words."""
    reply = reply_of(output(content=[ContentText(text="I cannot.", refusal=True)]))
    assert (reply.stop, reply.detail) == ("content_filter", "I cannot.")


@pytest.mark.parametrize("odd", [-math.inf, math.nan, math.inf])
def test_first_token_as_in_the_pool(odd: float) -> None:
    """Blank tokens are skipped, odd log-probabilities impossible, no alternatives no read-out."""
    top = [TopLogprob(token="4", logprob=-0.1), TopLogprob(token="5", logprob=odd)]
    blank = Logprob(token="\n", logprob=-0.1, top_logprobs=[TopLogprob(token="x", logprob=0)])
    content = [blank, Logprob(token="4", logprob=-0.1, top_logprobs=top)]
    found = reply_of(output(logprobs=Logprobs(content=content))).top_logprobs
    assert found is not None
    assert {one.token: one.logprob for one in found} == {"4": -0.1, "5": IMPOSSIBLE}
    alone = Logprobs(content=[Logprob(token="4", logprob=-0.5, top_logprobs=[])])
    assert reply_of(output(logprobs=alone)).top_logprobs is None


def test_what_a_provider_says_of_its_filter_is_kept() -> None:
    """In 300 characters."""
    stopped = output()
    details = StopDetails(explanation="about weapons " * 40)
    stopped.choices[0].stop_reason = "content_filter"
    stopped.choices[0].stop_details = details
    assert reply_of(stopped).detail == ("about weapons " * 40)[:300]
    stopped.choices[0].stop_details = None
    assert reply_of(stopped).detail is None
