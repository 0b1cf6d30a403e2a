"""`sim/NAME` through Inspect: a block is its questions one by one, and nothing is lost."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.model import (
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ModelOutput,
    get_model,
)
from inspect_ai.tool import ToolInfo, ToolParams
from inspect_ai.util import JSONSchema

from harness.items.builtin import builtin_items
from harness.items.item import text_hash
from harness.measuring.asking import chat
from harness.models.block import Block, carrying
from harness.models.identity import model_identity
from harness.models.inspect_api import PrerequisiteError
from harness.models.replies import reply_of
from harness.prompts.catalogue import TEMPLATES
from harness.prompts.conditions import CONDITIONS
from harness.prompts.render import completion_messages, rating_messages
from harness.prompts.response import TOOL_NAME, tool_info
from harness.wire import Question

ITEMS = [item.text for item in builtin_items("math")]
SCALE = TEMPLATES["stated_1_5"]


def sim(name: str = "noisy", **args: Any) -> Model:
    return get_model(f"sim/{name}", memoize=False, **args)


def questions(count: int, *, response: Any = "plain") -> tuple[Question, ...]:
    return tuple(
        Question(
            messages=rating_messages(SCALE, response=response, item=ITEMS[n], completion="Done."),
            seed=n,
        )
        for n in range(count)
    )


def answer_tool() -> ToolInfo:
    info = tool_info(SCALE.labels, "rating")
    enum = JSONSchema(type="string", enum=list(SCALE.labels))
    return ToolInfo(
        name=info["name"],
        description=info["description"],
        parameters=ToolParams(properties={"answer": enum}, required=["answer"]),
    )


async def one(model: Model, question: Question, **options: Any) -> ModelOutput:
    config = options.pop("config", GenerateConfig()).merge(GenerateConfig(seed=question.seed))
    return await model.generate(chat(question.messages), config=config, **options)


async def block(model: Model, asked: tuple[Question, ...], **options: Any) -> tuple[Any, Block]:
    carried = Block(asked)
    shown = [*options.pop("before", []), ChatMessageUser(content="All questions.")]
    with carrying(carried):
        output = await model.generate(shown, **options)
    return output, carried


@pytest.mark.parametrize("response", ["plain", "reasoned", "tool"])
async def test_a_block_is_its_questions_one_by_one(response: str) -> None:
    """The replies of a block equal those to the same questions asked singly, in order."""
    asked, model = questions(12, response=response), sim("rambler", format_error=0.3)
    options: dict[str, Any] = {"tools": [answer_tool()]} if response == "tool" else {}
    output, carried = await block(model, asked, **options)
    singles = [reply_of(await one(model, question, **options)) for question in asked]
    assert [carried.replies[n] for n in range(12)] == singles
    for number, reply in enumerate(singles, start=1):
        assert f"{number}. {reply.text}" in output.completion
    assert output.usage.input_tokens == sum(reply.input_tokens for reply in singles)


async def test_replies_are_reported_as_they_come() -> None:
    """A block tells of each reply once, in order."""
    heard: list[int] = []
    carried = Block(questions(5), lambda index, reply: heard.append(index))
    with carrying(carried):
        await sim().generate([ChatMessageUser(content="All questions.")])
    assert heard == list(range(5))


async def test_system_message_reaches_every_question_of_a_block() -> None:
    """What `--system-message` says acts on a block as on a single conversation."""
    text = CONDITIONS["affective_neg"].text
    asked, model = questions(10), sim(measurement_effect=9)
    _, carried = await block(model, asked, before=[ChatMessageSystem(content=text)])
    assert {reply.text for reply in carried.replies.values()} == {"1"}
    _, without = await block(model, asked)
    assert {reply.text for reply in without.replies.values()} != {"1"}


async def test_output_reads_as_any_other_providers() -> None:
    """Text, tool call, log-probabilities and thinking stand where Inspect has them."""
    question = questions(1)[0]
    config = GenerateConfig(logprobs=True, top_logprobs=20, reasoning_effort="low")
    output = await one(sim(), question, config=config)
    ours = reply_of(output)
    output.metadata = None
    plain = reply_of(output)
    assert plain.text == ours.text and plain.reasoning == ours.reasoning
    assert plain.reasoning and plain.reasoning_tokens == ours.reasoning_tokens
    assert plain.top_logprobs == ours.top_logprobs and ours.top_logprobs
    assert math.isclose(sum(math.exp(e.logprob) for e in ours.top_logprobs), 1, rel_tol=1e-9)
    called = await one(sim(), questions(1, response="tool")[0], tools=[answer_tool()])
    calls = called.choices[0].message.tool_calls
    assert calls is not None and calls[0].function == TOOL_NAME
    assert calls[0].arguments["answer"] in SCALE.labels
    assert called.stop_reason == "tool_calls"


async def test_parameters_change_the_identity() -> None:
    """Two values of a parameter are two identities and two sets of answers; latency is neither."""
    models = [sim(position_bias=0.1), sim(position_bias=0.2), sim(position_bias=0.1, latency=0.0)]
    own = [model.api.identity() for model in models]  # type: ignore[attr-defined]
    assert own[0] != own[1] and own[0] == own[2]
    full = {model_identity(model, GenerateConfig()) for model in models[:2]}
    assert len(full) == 2
    asked = questions(40)
    texts = [
        [reply.text for reply in (await block(model, asked))[1].replies.values()]
        for model in models
    ]
    assert texts[0] != texts[1] and texts[0] == texts[2]


async def test_each_question_asked_is_logged_once(tmp_path: Path) -> None:
    """`ask_log` has a line for each question, with kind, item and seed."""
    log = tmp_path / "asked.jsonl"
    model = sim(ask_log=str(log))
    await block(model, questions(3))
    await one(model, Question(messages=completion_messages(ITEMS[7]), seed=5))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["rating"] * 3 + ["completion"]
    assert [line["seed"] for line in lines] == [0, 1, 2, 5]
    assert [line["items"] for line in lines] == [[text_hash(ITEMS[n])] for n in (0, 1, 2, 7)]
    await model.api.aclose()


async def test_without_a_seed_calls_differ() -> None:
    """No seed means a new draw for each call."""
    model, question = sim(rating_noise=5), questions(1)[0]
    replies = {(await model.generate(chat(question.messages))).completion for _ in range(30)}
    assert len(replies) > 1


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("nobody", {}, "unknown respondent sim/nobody"),
        ("faithful", {"noize": 1}, "unknown parameter 'noize'"),
        ("faithful", {"latency": -1}, "latency=-1; expected seconds"),
        ("faithful", {"ask_log": "no/such/folder/log"}, "ask_log='no/such/folder/log'"),
    ],
)
def test_unusable_model_arguments(name: str, args: dict[str, Any], message: str) -> None:
    """A bad name or argument is the one-line error that Inspect shows without traceback."""
    with pytest.raises(PrerequisiteError, match=message):
        sim(name, **args)
