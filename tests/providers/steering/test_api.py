"""`steering/NAME` through Inspect: what was asked is applied and recorded, or nothing answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from inspect_ai import eval as inspect_eval
from inspect_ai.model import (
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    get_model,
)

from harness.errors import ServiceError, UsageError
from harness.models.block import Block, carrying
from harness.models.identity import model_identity
from harness.models.inspect_api import PrerequisiteError
from harness.models.replies import reply_of
from harness.providers.steering.client import SteeringClient
from harness.providers.steering.options import steering_options
from harness.wire import Message, Question, Reply, Span

EVALS = Path(__file__).resolve().parents[3] / "evals"


@pytest.fixture(scope="module")
def url(tiny: Any) -> Iterator[str]:
    """A tiny model behind a server, with the vector `math`."""
    with tiny.serving() as address:
        yield address


def steered(url: str, **args: Any) -> Model:
    return get_model("steering/tiny", base_url=url, memoize=False, **args)


def questions(count: int, choices: tuple[str, ...] | None = None) -> tuple[Question, ...]:
    return tuple(
        Question(messages=(Message("user", f"Rate task {n}."),), seed=n, choices=choices)
        for n in range(count)
    )


async def replies(model: Model, asked: tuple[Question, ...], **config: Any) -> list[Any]:
    block = Block(asked)
    with carrying(block):
        await model.generate(
            [ChatMessageUser(content="shown")], config=GenerateConfig(max_tokens=6, **config)
        )
    return [block.replies[index] for index in range(len(asked))]


async def test_a_block_is_its_questions_one_by_one(url: str) -> None:
    """Each question of a block gets what it gets alone, and what was applied with it."""
    model = steered(url, vector="math", coef=0.5, positions="response")
    together = await replies(model, questions(6), temperature=1.0)
    for question, reply in zip(questions(6), together, strict=True):
        (alone,) = await replies(model, (question,), temperature=1.0)
        assert (alone.text, alone.stop) == (reply.text, reply.stop)
        assert reply.seed_honoured is True and reply.endpoint == url
        assert reply.steering is not None
        told = {name: reply.steering[name] for name in ("vector", "coef", "layers", "positions")}
        assert told == {"vector": "math", "coef": 0.5, "layers": [2], "positions": "response"}
        assert reply.steering["dtype"] == "float32" and reply.steering["sha256"]


async def test_choices_are_exact_probabilities_and_depend_on_the_coefficient(url: str) -> None:
    """`Question.choices` brings the probability of each; zero is the unsteered model."""
    found = {}
    for name, args in {
        "none": {},
        "zero": {"vector": "math", "coef": 0},
        "some": {"vector": "math", "coef": 0.5},
    }.items():
        (reply,) = await replies(steered(url, **args), questions(1, ("1", "2", "3")))
        assert reply.choices is not None and set(reply.choices) == {"1", "2", "3"}
        assert reply.text == max(reply.choices, key=reply.choices.__getitem__)
        found[name] = reply.choices
    assert found["none"] == found["zero"] != found["some"]


async def test_a_call_without_a_block_is_an_ordinary_generate(url: str) -> None:
    """System message, log-probabilities and usage are there."""
    output = await steered(url, vector="math", coef=0.2).generate(
        [ChatMessageSystem(content="Be brief."), ChatMessageUser(content="Hello")],
        config=GenerateConfig(max_tokens=4, logprobs=True, top_logprobs=3, seed=1),
    )
    assert output.usage is not None and output.usage.output_tokens == 4
    assert output.choices[0].logprobs is not None
    reply = reply_of(output)
    assert reply.top_logprobs is not None and len(reply.top_logprobs) == 3
    assert reply.steering is not None and reply.steering["coef"] == 0.2


def test_two_steerings_are_two_identities(url: str) -> None:
    """Coefficient, layer, positions and vector each make another rater; the address does too."""
    args: list[dict[str, Any]] = [
        {},
        {"vector": "math", "coef": 0.25},
        {"vector": "math", "coef": -0.25},
        {"vector": "math", "coef": 0.25, "layer": 1},
        {"vector": "math", "coef": 0.25, "positions": "response"},
        {"vector": "math", "coef": 0.25, "operation": "clamp"},
        {"vector": "math", "coef": 0.25, "operation": "scale"},
        {"vector": "math", "operation": "ablate"},
        {"vector": "math", "coef": 0.25, "positions": "item_first"},
        {"vector": "math", "coef": 0.25, "positions": "contrast"},
        {"vectors": [{"vector": "math", "coef": 0.25}, {"vector": "math", "operation": "ablate"}]},
        {"vectors": [{"vector": "math", "operation": "ablate"}, {"vector": "math", "coef": 0.25}]},
    ]
    config = GenerateConfig()
    identities = [model_identity(steered(url, **one), config) for one in args]
    assert len(set(identities)) == len(args)
    assert identities[1] == model_identity(steered(url, vector="math", coef="0.25"), config)


async def test_a_vector_file_is_brought_to_the_server(url: str, tiny: Any, tmp_path: Path) -> None:
    """It gets its own name with its hash; twice is once; another model's is refused."""
    path = tmp_path / "mine.safetensors"
    path.write_bytes(tiny.vector(5))
    names = []
    for _ in range(2):
        (reply,) = await replies(steered(url, vector=str(path), coef=1), questions(1))
        assert reply.steering is not None
        names.append(reply.steering["vector"])
    assert names[0] == names[1] and str(names[0]).startswith("mine-")
    path.write_bytes(tiny.vector(family="qwen3"))
    with pytest.raises(PrerequisiteError, match="another model"):
        steered(url, vector=str(path), coef=1)


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ({"vector": "maths", "coef": 1}, "math"),
        ({"vector": "math"}, "coef is missing"),
        ({"coef": 1}, "vector is missing"),
        ({"vector": "math", "coef": "much"}, "coef='much'"),
        ({"vector": "math", "coef": 1, "layer": 9}, "layers 0 to 3"),
        ({"vector": "math", "coef": 1, "layer": "x"}, "layer='x'"),
        ({"vector": "math", "coef": 1, "positions": "middle"}, "last_prompt"),
        ({"vector": "math", "coef": 1, "operation": "remove"}, "ablate"),
        ({"vector": "math", "coef": 2, "operation": "ablate"}, "0 to 1"),
        ({"vector": "math", "coef": 1, "operation": "clamp", "positions": "contrast"}, "clamp"),
        ({"vector": "math", "coef": 1, "vectors": "[]"}, "not both"),
        ({"coef": 1, "vectors": "[]"}, "not both"),
        ({"vectors": "[]"}, "JSON list"),
        ({"vectors": "nowhere.toml"}, "nowhere.toml"),
        ({"vectors": [{"coef": 1}]}, "vector and coef"),
        ({"vectors": [{"vector": "math", "coef": 1, "norm": 2}]}, "'norm'"),
        ({"vectors": [{"vector": "math"}]}, "coef is missing"),
        ({"vektor": "math"}, "vektor"),
        ({"layer": 1}, "without a vector"),
    ],
)
def test_bad_arguments_are_one_line(url: str, args: dict[str, Any], named: str) -> None:
    """What was given, and what is allowed."""
    with pytest.raises(PrerequisiteError, match=named):
        steered(url, **args)


def test_another_model_or_no_server_is_said_at_once(url: str) -> None:
    """Before any question is asked."""
    with pytest.raises(PrerequisiteError, match="'tiny', not 'other'"):
        get_model("steering/other", base_url=url, memoize=False)
    with pytest.raises(PrerequisiteError, match="steering-server serve"):
        get_model("steering/tiny", base_url="http://127.0.0.1:9", memoize=False)


@pytest.mark.parametrize("config", [{"frequency_penalty": 1.0}, {"top_k": 5}, {"num_choices": 2}])
async def test_what_the_server_lacks_is_refused_not_dropped(url: str, config: Any) -> None:
    """Generation options that would change the answer."""
    with pytest.raises(PrerequisiteError):
        await steered(url).generate("Hello", config=GenerateConfig(max_tokens=2, **config))


def test_options_read_layers_and_spans() -> None:
    """One layer or several, a span of positions as START-END."""
    base = {"vector": "v", "coef": 1}
    assert steering_options(base | {"layer": "10,16"}).vectors[0].layers == (10, 16)
    assert steering_options(base | {"layers": [3]}).vectors[0].layers == (3,)
    assert steering_options(base | {"positions": "3-9"}).vectors[0].positions == Span(3, 9)
    with pytest.raises(UsageError, match="not both"):
        steering_options(base | {"layer": 1, "layers": 2})


OK = {
    "choices": [{"message": {"content": "4"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1},
    "steering": {"vectors": [], "dtype": "float32", "weights": "w"},
    "model": "m",
    "system_fingerprint": "f",
}


async def asked(*answers: httpx.Response | Exception) -> tuple[Any, list[float]]:
    """A question put to a server that gives these answers in turn; waits are only noted."""
    left, waits = list(answers), []

    def handler(request: httpx.Request) -> httpx.Response:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    client = SteeringClient(
        "http://x",
        key="k",
        timeout=5,
        max_in_flight=2,
        sleep=sleep,
        transport=httpx.MockTransport(handler),
    )
    return await client.ask({}), waits


async def test_a_full_queue_is_waited_out_and_costs_no_attempt() -> None:
    """429 waits as told, as often as needed."""
    busy = httpx.Response(429, headers={"retry-after": "7"})
    reply, waits = await asked(*[busy] * 20, httpx.Response(200, json=OK))
    assert reply.text == "4" and reply.attempts == 1 and waits == [7.0] * 20


async def test_lost_connections_and_503_are_retried_then_end_the_run() -> None:
    """A server that comes back is used; one that does not ends the run, not the answer."""
    lost = httpx.ConnectError("refused")
    reply, _ = await asked(lost, httpx.Response(503), httpx.Response(200, json=OK))
    assert reply.attempts == 3
    for never in (lost, httpx.Response(503)):
        with pytest.raises(ServiceError):
            await asked(never)


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_what_every_question_would_meet_ends_the_run(status: int) -> None:
    """A wrong key, a vector that is gone."""
    with pytest.raises(ServiceError, match=str(status)):
        await asked(httpx.Response(status))


@pytest.mark.parametrize("status", [400, 413, 422, 500])
async def test_what_only_this_question_meets_is_its_failure(status: int) -> None:
    """The reason becomes the record's error; nothing is guessed."""
    body = {"error": {"message": "not finite", "code": "non_finite_result"}}
    reply, _ = await asked(httpx.Response(status, json=body))
    assert reply.error == f"{status} non_finite_result: not finite" and reply.text == ""


def records(log: Any) -> list[dict[str, Any]]:
    return [
        record
        for sample in log.samples
        for score in sample.scores.values()
        for record in score.metadata["records"]
    ]


def test_evals_run_against_it_and_coefficients_share_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two coefficients: two task identities, two raters, two sets of completions."""
    monkeypatch.chdir(EVALS.parent)
    logs = []
    for coef in (0.5, -0.5):
        for task, args in (
            ("anchored.py@anchored_precise_1_5", {"readout": "logprobs", "min_label_mass": 0}),
            ("pairwise.py", {"pairs": "random:2", "block": 4}),
        ):
            logs += inspect_eval(
                f"evals/{task}",
                model="steering/tiny",
                model_base_url=url,
                model_args={"vector": "math", "coef": coef},
                task_args={
                    "items": "builtin:math",
                    "per_origin": 3,
                    "completion_max_tokens": 16,
                    **args,
                },
                log_dir=str(tmp_path),
                display="none",
            )
    assert [log.status for log in logs] == ["success"] * 4
    told = [records(log) for log in logs]
    assert all(
        record["coef"] == coef
        for half, coef in ((told[:2], 0.5), (told[2:], -0.5))
        for one in half
        for record in one
    )
    assert len({log.eval.task_id for log in logs}) == 4
    assert {record["layer"] for one in told for record in one} == {"2"}
    for one, other in ((told[0], told[2]), (told[1], told[3])):
        assert not {r["rater_identity"] for r in one} & {r["rater_identity"] for r in other}
    hashes = [{record["completion_hash"] for record in told[index]} for index in (0, 2)]
    assert not hashes[0] & hashes[1]
    ratings = [[record["probabilities"] for record in told[index]] for index in (0, 2)]
    assert ratings[0] != ratings[1] and all(ratings[0])


QWEN = (
    "{% for m in messages %}{{ m['role'] }}\n{{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n"
    "{% endif %}{% endif %}"
)
GEMMA = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{% for m in messages %}{{ m['role'] }}\n{{ m['content'] }}\n{% endfor %}"
)


@pytest.fixture(scope="module")
def thinker(tiny: Any) -> Iterator[str]:
    """A server whose chat template has Qwen's switch."""
    with tiny.serving(template=QWEN) as address:
        yield address


async def test_a_thinking_setting_reaches_the_model_or_is_an_error(url: str, thinker: str) -> None:
    """What is recorded as off is off; a template without a switch answers nothing."""
    found = {}
    for effort in (None, "none", "medium"):
        (reply,) = await replies(steered(thinker), questions(1), reasoning_effort=effort)
        assert reply.steering is not None
        found[effort] = reply.steering.get("chat_template_kwargs")
    assert found == {
        None: None,
        "none": {"enable_thinking": False},
        "medium": {"enable_thinking": True},
    }
    for address, effort in ((url, "none"), (url, "medium"), (thinker, "high")):
        with pytest.raises(PrerequisiteError, match="cannot be set"):
            await replies(steered(address), questions(1), reasoning_effort=effort)
    clash = steered(thinker, chat_template_kwargs={"enable_thinking": True})
    with pytest.raises(PrerequisiteError, match="one of them"):
        await replies(clash, questions(1), reasoning_effort="none")


async def test_template_options_are_sent_and_make_another_rater(thinker: str) -> None:
    """As a dict or as JSON; what the template does not read is an error of the question."""
    given = ({"enable_thinking": False}, '{"enable_thinking": false}')
    models = [steered(thinker, chat_template_kwargs=one) for one in given]
    config = GenerateConfig()
    identities = [model_identity(model, config) for model in (steered(thinker), *models)]
    assert identities[1] == identities[2] != identities[0]
    (reply,) = await replies(models[1], questions(1))
    assert reply.steering is not None
    assert reply.steering["chat_template_kwargs"] == {"enable_thinking": False}
    (reply,) = await replies(steered(thinker, chat_template_kwargs={"think": 1}), questions(1))
    assert reply.error is not None and "chat_template_kwargs.think" in reply.error
    with pytest.raises(PrerequisiteError, match="JSON object"):
        steered(thinker, chat_template_kwargs="off")


@pytest.mark.parametrize(
    "options", [{"measurement_thinking": "off"}, {"measurement_sysprompt": "loves_math"}]
)
def test_what_a_later_stage_could_not_ask_is_said_before_any_completion(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, str]
) -> None:
    """A thinking switch or a system role that the template lacks: nothing is completed."""
    monkeypatch.chdir(EVALS.parent)
    with tiny.serving(template=GEMMA) as address:
        (log,) = inspect_eval(
            "evals/anchored.py@anchored_precise_1_5",
            model="steering/tiny",
            model_base_url=address,
            task_args={"items": "builtin:math", "per_origin": 1, **options},
            log_dir=str(tmp_path),
            display="none",
        )
        assert log.status == "error" and log.error is not None
        assert "chat template of tiny" in log.error.message
        outcomes = httpx.get(f"{address}/metrics").text
        assert "steering_passes_total 0" in outcomes


def test_the_servers_address_may_be_given_by_url(url: str) -> None:
    """Inspect keeps `base_url` for itself; `-M url=…` is the same."""
    assert get_model("steering/tiny", url=url, memoize=False).api.client.base_url == url
    with pytest.raises(PrerequisiteError, match="-M url="):
        get_model("steering/tiny", url="http://127.0.0.1:9", memoize=False)


TEXTS = {
    "item_first": (Span(0, 4, message=-1),),
    "item_second": (Span(5, 9, message=-1),),
    "pushed": (Span(5, 9, message=-1),),
    "other": (Span(0, 4, message=-1),),
}


def pair(choices: tuple[str, ...] | None = ("A", "B")) -> Question:
    return Question(messages=(Message("user", "this that"),), choices=choices, spans=TEXTS)


async def test_contrast_adds_on_one_text_and_takes_away_on_the_other(url: str) -> None:
    """The same as two vectors at the tokens of the two texts; item_first is the first alone."""
    given = {"vector": "math", "coef": 6.0}
    (contrast,) = await replies(steered(url, **given, positions="contrast"), (pair(),))
    assert contrast.steering is not None
    runs = [one["positions"] for one in contrast.steering["vectors"]]
    starts = [int(run.split(":")[0]) for run in runs]
    assert starts[0] == starts[1] + 5
    by_hand = [
        {**given, "coef": sign * 6.0, "positions": list(range(start, start + 4))}
        for sign, start in zip((1, -1), starts, strict=True)
    ]
    (same,) = await replies(steered(url, vectors=by_hand), (pair(),))
    (alone,) = await replies(steered(url, **given, positions="item_first"), (pair(),))
    (plain,) = await replies(steered(url), (pair(),))
    assert contrast.choices == same.choices
    assert alone.steering is not None and alone.steering["positions"] == runs[1]
    found = [tuple(one.choices.values()) for one in (contrast, alone, plain)]
    assert len(set(found)) == 3


async def test_a_text_that_the_question_lacks_is_an_error(url: str) -> None:
    """Before anything is answered, with the texts that there are."""
    with pytest.raises(PrerequisiteError, match="item_first, item_second"):
        await replies(steered(url, vector="math", coef=1, positions="completion"), (pair(),))
    with pytest.raises(PrerequisiteError, match="none"):
        await replies(steered(url, vector="math", coef=1, positions="contrast"), questions(1))


async def test_several_vectors_come_from_json_or_toml_and_are_done_in_turn(
    url: str, tmp_path: Path
) -> None:
    """Both say the same; ablating last leaves nothing of what was added before."""
    listed = [{"vector": "math", "coef": 3}, {"vector": "math", "operation": "ablate", "layer": 2}]
    path = tmp_path / "v.toml"
    path.write_text(
        '[[vectors]]\nvector = "math"\ncoef = 3\n\n'
        '[[vectors]]\nvector = "math"\noperation = "ablate"\nlayer = 2\n'
    )
    found = []
    for value in (listed, str(path), '[{"vector": "math", "operation": "ablate"}]'):
        model = steered(url, vectors=value)
        (reply,) = await replies(model, (pair(),))
        found.append(reply.choices)
        facts = model.api.steering_facts()  # type: ignore[attr-defined]
        assert facts["operation"].endswith("ablate")
    assert found[0] == found[1]
    assert found[0] == pytest.approx(found[2], abs=1e-4)


async def test_controls_stand_beside_every_question(url: str) -> None:
    """As many as asked for, of the same seed; side effects on the first questions alone; a rater
    of their own. Without a vector, or without exact choices, they are refused."""
    given = {"vector": "math", "coef": 6.0}
    model = steered(url, **given, controls=3, control_seed=7, side_questions=1, side_tokens=2)
    found = await replies(model, questions(3, ("A", "B")))
    (plain, *_) = await replies(steered(url, **given), questions(3, ("A", "B")))
    told = [reply.steering["controls"] for reply in found]
    for one in told:
        assert (one["number"], one["seed"]) == (3, 7)
        assert [len(one[kind]) for kind in ("unsteered", "vector", "random", "angled")] == [
            1,
            1,
            3,
            3,
        ]
    assert sum("refusal" in one["vector"][0] for one in told) == 1
    assert found[0].choices == pytest.approx(plain.choices, abs=1e-6)
    config = GenerateConfig()
    assert model_identity(model, config) != model_identity(steered(url, **given), config)
    with pytest.raises(PrerequisiteError, match="readout=logprobs"):
        await replies(model, questions(1))
    for bad in ({"controls": 3}, {**given, "side_tokens": 3}, {**given, "controls": -1}):
        with pytest.raises(PrerequisiteError, match="controls"):
            steered(url, **bad)


def test_a_reply_without_the_controls_that_were_asked_is_no_answer(url: str) -> None:
    """Fewer of them, or of another seed: it fails closed."""
    applied = steered(url, vector="math", coef=6.0, controls=2).api.applied
    (vector,) = applied.vectors
    account = {"sha256": vector.sha256, "operation": "add", "coef": 6.0, "layers": [2]}
    whole = {"seed": 0, "unsteered": [1], "vector": [1], "random": [1, 2], "angled": [1, 2]}
    assert applied.mismatch(Reply(steering={**account, "controls": whole})) is None
    for wrong in (None, {**whole, "seed": 1}, {**whole, "angled": [1]}):
        told = applied.mismatch(Reply(steering={**account, "controls": wrong}))
        assert told is not None and "controls" in told
