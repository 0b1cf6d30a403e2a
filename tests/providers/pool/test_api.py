"""`pool/NAME` as Inspect sees it."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessageUser, GenerateConfig, Model, get_model
from inspect_ai.scorer import includes
from inspect_ai.tool import ToolFunction, ToolInfo, ToolParams
from inspect_ai.util import JSONSchema

from harness.dispatcher.calls.http import HttpEndpoint
from harness.dispatcher.calls.payload import Payload
from harness.dispatcher.calls.pool import Pool
from harness.dispatcher.job import Ended, Job
from harness.dispatcher.poolfile import EndpointSpec, PoolSpec
from harness.errors import ServiceError, UsageError
from harness.items.builtin import builtin_items
from harness.measuring.asking import Asker
from harness.measuring.asking import chat as chat_of
from harness.models.block import Block, carrying
from harness.models.inspect_api import PrerequisiteError
from harness.prompts.catalogue import TEMPLATES
from harness.prompts.render import rating_messages
from harness.respondent.faults import Fault, ServerSpec
from harness.respondent.respond import respond
from harness.respondent.settings import PRESETS
from harness.wire import Message, Question, Reply

Serve = Callable[..., Any]
Write = Callable[..., Path]


def questions(count: int) -> tuple[Question, ...]:
    """Completion requests for built-in items: the respondent answers any task prompt."""
    items = list(builtin_items())[:count]
    return tuple(
        Question(messages=(Message("user", item.text),), seed=index)
        for index, item in enumerate(items)
    )


async def ask(model: Model, block: Block, **config: Any) -> Any:
    with carrying(block):
        return await model.generate(
            [ChatMessageUser(content="all questions")], config=GenerateConfig(**config)
        )


async def test_block_is_the_respondent(serve: Serve, pool_file: Write) -> None:
    """A block over HTTP gets what the respondent itself answers, each reply heard as it comes."""
    file = pool_file(serve().url, price_in=1.0, price_out=2.0)
    asked = questions(12)
    heard: dict[int, Reply] = {}
    async with get_model("pool/x", file=str(file), memoize=False) as model:
        output = await ask(model, Block(asked, heard.__setitem__), max_tokens=500)
    wanted = [respond(q, PRESETS["faithful"], rng=random.Random(0)) for q in asked]
    shown = "\n\n".join(f"{number}. {w.text}" for number, w in enumerate(wanted, start=1))
    assert output.completion == shown
    assert [heard[i].text for i in range(12)] == [w.text for w in wanted]
    assert output.usage.input_tokens == sum(w.input_tokens for w in wanted)
    kept = msgspec.json.decode(output.metadata["replies"], type=list[Reply])
    assert {reply.endpoint for reply in kept} == {"e0"}
    assert kept[0].cost == pytest.approx(
        (wanted[0].input_tokens + 2 * wanted[0].output_tokens) / 1e6
    )
    assert kept[0].fingerprint == "sim"
    assert kept[0].attempts == 1


async def test_single_with_tools_logprobs_reasoning(serve: Serve, pool_file: Write) -> None:
    """One conversation brings tool calls, log-probabilities and reasoning in Inspect's places."""
    file = pool_file(serve().url)
    item = next(iter(builtin_items())).text
    template = TEMPLATES["anchored_precise_1_5"]
    messages = rating_messages(template, item=item, completion="Here.", response="tool")
    chat = chat_of(messages)
    tool = ToolInfo(
        name="answer",
        description="Give the answer.",
        parameters=ToolParams(properties={"answer": JSONSchema(type="string")}),
    )
    async with get_model("pool/x", file=str(file), memoize=False) as model:
        called = await model.generate(chat, tools=[tool], tool_choice=ToolFunction("answer"))
        thought = await model.generate(
            chat, config=GenerateConfig(reasoning_effort="low", logprobs=True, top_logprobs=5)
        )
    assert called.choices[0].message.tool_calls[0].function == "answer"
    assert called.choices[0].message.tool_calls[0].arguments
    assert any(part.type == "reasoning" for part in thought.choices[0].message.content)
    assert thought.choices[0].logprobs is not None


async def test_failed_question_is_a_reply(serve: Serve, pool_file: Write) -> None:
    """A question that the server rejects is a reply with an error; the others are answered."""
    spec = ServerSpec(latency=0.0, faults=(Fault(kind="error", status=422, share=0.3),))
    block = Block(questions(30))
    async with get_model("pool/x", file=str(pool_file(serve(spec).url)), memoize=False) as model:
        output = await ask(model, block)
    errors = [reply.error for reply in block.replies.values() if reply.error]
    assert 0 < len(errors) < 30
    assert all("422 Planted error" in error for error in errors)
    assert output.completion.count("(failed: ") == len(errors)


async def test_filtered_question(serve: Serve, pool_file: Write) -> None:
    """A content filter's refusal is a stop reason, not an error."""
    spec = ServerSpec(latency=0.0, faults=(Fault(kind="filter"),))
    async with get_model("pool/x", file=str(pool_file(serve(spec).url)), memoize=False) as model:
        output = await model.generate("hello")
    assert output.stop_reason == "content_filter"


@pytest.mark.parametrize("count", [12, 1])
async def test_answer_is_heard_in_the_stretch_in_which_it_is_read(
    serve: Serve, pool_file: Write, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """Between an answer's arrival and its entry in the journal there is no moment to be killed in.

    The same for what a resumed run finds left of a block: one question.
    """
    heard: list[int] = []
    gained: list[int] = []
    attempt = HttpEndpoint._attempt

    async def watched(self: HttpEndpoint, payload: Any, deliver: Any) -> None:
        def delivering(verdict: Any) -> None:
            before = len(heard)
            deliver(verdict)
            gained.append(len(heard) - before)

        await attempt(self, payload, delivering)

    monkeypatch.setattr(HttpEndpoint, "_attempt", watched)
    async with get_model("pool/x", file=str(pool_file(serve().url)), memoize=False) as model:
        asker = Asker(model, GenerateConfig())
        await asker.ask(questions(count), lambda index, reply: heard.append(index), block=True)
    assert gained == [1] * count
    assert sorted(heard) == list(range(count))


async def test_pool_outlives_a_caller_that_cannot_take_its_answer(serve: Serve) -> None:
    """What `heard` raises comes out of its own `ask`; the next is answered."""
    endpoint = EndpointSpec(name="e", url=serve().url, model="faithful")
    pool = Pool(PoolSpec(endpoints=(endpoint,), name="x"))
    words = msgspec.json.encode([{"role": "user", "content": "Write a haiku."}])

    def full(ended: Ended) -> None:
        raise OSError("no space left")

    def job() -> Job:
        return Job(payload=Payload(words, b"", 8, native=lambda: (None,) * 4), size=len(words))

    try:
        with pytest.raises(OSError, match="no space left"):
            await pool.ask(job(), full)
        assert (await pool.ask(job())).reply.error is None
        assert pool.pump.inflight == 0
    finally:
        await pool.aclose()


async def test_dead_pool_ends_the_run(serve: Serve, pool_file: Write) -> None:
    """Without quota, and with no host to reach, the error is one that ends the run."""
    spec = ServerSpec(latency=0.0, faults=(Fault(kind="quota"),))
    for url in (serve(spec).url, "http://127.0.0.1:9/v1"):
        async with get_model("pool/x", file=str(pool_file(url)), memoize=False) as model:
            with pytest.raises(ServiceError) as caught:
                await ask(model, Block(questions(3)))
        assert "\n" not in str(caught.value)


async def test_delegated(tmp_path: Path) -> None:
    """An endpoint that is an Inspect model answers through its own provider."""
    file = tmp_path / "pools.toml"
    file.write_text('[x]\n[[x.endpoints]]\ninspect_model = "sim/faithful"\n', "utf-8")
    asked = questions(4)
    async with get_model("pool/x", file=str(file), memoize=False) as model:
        output = await ask(model, Block(asked))
        single = await model.generate(asked[0].messages[0].content, config=GenerateConfig(seed=0))
    wanted = [respond(q, PRESETS["faithful"], rng=random.Random(0)) for q in asked]
    shown = "\n\n".join(f"{number}. {w.text}" for number, w in enumerate(wanted, start=1))
    assert output.completion == shown
    assert single.completion == wanted[0].text


def test_bad_arguments(pool_file: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with a pool ends the run before it starts, in one line."""
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    good = str(pool_file("http://a.invalid/v1"))
    cases: list[tuple[dict[str, Any], str]] = [
        ({"file": good, "fil": 1}, "unknown -M 'fil'"),
        ({"file": "/nowhere/p.toml"}, "no pool file"),
        ({"file": good, "label": "fp8"}, "no endpoint of label 'fp8'"),
    ]
    for arguments, words in cases:
        with pytest.raises(PrerequisiteError, match=words):
            get_model("pool/x", memoize=False, **arguments)
    with pytest.raises(PrerequisiteError, match="NO_SUCH_KEY is not set"):
        file = pool_file("http://a.invalid/v1", key_env="NO_SUCH_KEY")
        get_model("pool/x", file=str(file), memoize=False)


async def test_unsupported_settings(serve: Serve, pool_file: Write) -> None:
    """Settings that the pool would have to drop are refused."""
    async with get_model("pool/x", file=str(pool_file(serve().url)), memoize=False) as model:
        with pytest.raises(UsageError, match="num_choices=3"):
            await model.generate("hello", config=GenerateConfig(num_choices=3))
        hidden = GenerateConfig(extra_body={"steering": {"vectors": []}})
        with pytest.raises(UsageError, match="--extra-body holds steering"):
            await model.generate("hello", config=hidden)


def test_keys_share_limits(pool_file: Write) -> None:
    """Two models of one pool share Inspect's limit; another label would not."""
    file = str(pool_file("http://a.invalid/v1", max_concurrency=700))
    one, two = (get_model("pool/x", file=file, memoize=False).api for _ in range(2))
    assert one.connection_key() == two.connection_key()
    assert one.max_connections() == 700


@pytest.mark.parametrize("accepted", [True, False])
def test_no_key_anywhere(
    serve: Serve,
    pool_file: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    accepted: bool,
) -> None:
    """A run with a canary key leaves it in no log, ledger, error, message or repr."""
    canary = "sk-canary-7f3a"
    monkeypatch.setenv("CANARY_KEY", canary if accepted else canary + "-wrong")
    running = serve(key=canary)
    file = pool_file(running.url, key_env="CANARY_KEY")
    model = get_model("pool/x", file=str(file), memoize=False)
    task = Task(dataset=[Sample(input="Write a haiku.", target="x")], scorer=includes())
    logs = tmp_path / "logs"
    log = eval(task, model=model, log_dir=str(logs), display="plain", log_format="json")[0]
    assert (log.status == "success") is accepted
    texts = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert sum(b"snapshot" in text for text in texts) == 1
    said = capfd.readouterr()
    texts += [
        (said.out + said.err).encode(),
        repr(model.api).encode(),
        repr(vars(model.api)).encode(),
    ]
    assert not any(canary.encode() in text for text in texts)
    if accepted:
        lines = next(logs.glob("*.ledger.jsonl")).read_text().splitlines()
        assert json.loads(lines[-1])["endpoints"][0]["account"]["useful"]["requests"] == 1
