import random
from typing import Any

import msgspec
import pytest
from inspect_ai.model import GenerateConfig, get_model

from harness.items.builtin import builtin_items
from harness.measuring.asking import Asker, cut_off
from harness.prompts.catalogue import TEMPLATES
from harness.prompts.render import rating_messages
from harness.respondent.respond import respond
from harness.respondent.settings import PRESETS
from harness.wire import Message, Question, Reply


class Words:
    """A tokenizer that takes each word for a token."""

    def encode(self, text: str, **options: Any) -> list[str]:
        return text.split()


@pytest.mark.parametrize(
    ("text", "tokens", "stop", "tokenizer", "expected"),
    [
        ("A", 1, "unknown", None, "unknown"),
        ("word " * 32, 32, "unknown", None, "max_tokens"),
        ("A", 32, "unknown", Words(), "unknown"),
        ("word " * 31, 32, "unknown", Words(), "max_tokens"),
        ("word " * 32, 32, "stop", None, "stop"),
    ],
)
def test_a_reply_of_full_length_is_cut_off_where_nobody_says_so(
    text: str, tokens: int, stop: Any, tokenizer: Any, expected: str
) -> None:
    """A batch's padding does not count; a provider's own stop reason stands."""
    reply = Reply(text=text, output_tokens=tokens, stop=stop)
    assert cut_off(reply, 32, tokenizer).stop == expected


@pytest.mark.parametrize("set_by_inspect", [None, "You are terse."])
@pytest.mark.parametrize("block", [False, True])
async def test_a_lone_question_with_choices_reaches_the_model_as_it_is(
    set_by_inspect: str | None, block: bool
) -> None:
    """Its turns are asked once each, after what Inspect sets before them and nothing else."""
    item = next(iter(builtin_items())).text
    turns = rating_messages(
        TEMPLATES["anchored_precise_1_5"], item=item, completion="Here.", response="plain"
    )
    messages = (Message("system", "You hate mathematics."), *turns)
    question = Question(messages=messages, seed=3, choices=("1", "2", "3", "4", "5"))
    replies: list[Reply] = []
    async with get_model("sim/faithful", memoize=False) as model:
        asker = Asker(model, GenerateConfig(system_message=set_by_inspect))
        await asker.ask([question], lambda index, reply: replies.append(reply), block=block)
    before = () if set_by_inspect is None else (Message("system", set_by_inspect),)
    whole = msgspec.structs.replace(question, messages=before + messages)
    wanted = respond(whole, PRESETS["faithful"], rng=random.Random(0))
    assert (replies[0].text, replies[0].input_tokens, replies[0].choices) == (
        wanted.text,
        wanted.input_tokens,
        wanted.choices,
    )
