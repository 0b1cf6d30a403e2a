"""The self-test at load: what the engine cannot run exactly is refused, and nothing else."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from harness.errors import UsageError
from steering_server.commands import options
from steering_server.engine.engine import Engine
from steering_server.engine.metrics import Metrics
from steering_server.engine.runner import Runner, Sizes
from steering_server.engine.score import score
from steering_server.engine.self_test import self_test
from steering_server.model import tiny
from steering_server.model.models import describe, load, weights_hash
from steering_server.model.planning import Limits, plan
from steering_server.model.tiny import FAMILIES

_SMALL: dict[str, Any] = {
    "vocab_size": 320,
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "bos_token_id": 256,
    "eos_token_id": 257,
    "pad_token_id": 258,
}
_HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16}
KINDS: dict[str, dict[str, Any]] = {
    "mamba": {"state_size": 8},
    "rwkv": {"context_length": 512, "attention_hidden_size": 64},
    "qwen3_next": {
        **_HEADS,
        "intermediate_size": 64,
        "moe_intermediate_size": 32,
        "shared_expert_intermediate_size": 32,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "linear_num_value_heads": 4,
        "linear_num_key_heads": 2,
        "linear_key_head_dim": 16,
        "linear_value_head_dim": 16,
    },
    "roberta": {"num_attention_heads": 4, "intermediate_size": 64, "is_decoder": True},
    "openai-gpt": {"n_head": 4},
}
"""Kinds that cannot be served: state outside the cache, hybrid caches, positions that count the
padding, outputs that are no tensor."""


def tiny_of(kind: str, **options: Any) -> Any:
    """A random model of `kind`, every part of which shows in its output."""
    torch.manual_seed(0)
    model: Any = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(kind, **{**_SMALL, **options}), dtype=torch.float32
    )
    for weight in model.parameters():
        if weight.ndim > 1:
            nn.init.normal_(weight, std=0.15)
    return model


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_served_exactly_is_refused_in_one_line(kind: str) -> None:
    """The line names the model and what differed."""
    with pytest.raises(UsageError) as refusal:
        self_test(describe(tiny_of(kind, **KINDS[kind]), tiny.tokenizer(), name="mine"))
    text = str(refusal.value)
    assert "\n" not in text and "mine" in text and "cannot be" in text


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_passes_within_half_a_second(family: str) -> None:
    """CPU time, and rows go on sharing their work."""
    loaded = load(f"tiny:{family}")
    started = time.process_time()
    self_test(loaded)
    assert time.process_time() - started < 0.5
    assert loaded.hooks.sharing


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_other_precisions_pass(dtype: Any) -> None:
    """Rounding is not taken for a difference."""
    self_test(load("tiny:llama", dtype=dtype))


def test_layers_with_more_arguments_than_the_engine_knows_share_nothing(tiny_maker: Any) -> None:
    """Bloom's layers take a second activation and a bias by row and head: plain batches, exact."""
    model = tiny_of("bloom", n_layer=4, n_head=4, hidden_size=64)
    loaded = describe(model, tiny.tokenizer(), name="bloom")
    self_test(loaded)
    assert not loaded.hooks.sharing
    mine = type(tiny_maker)(loaded)
    rows = [mine.row(additions=[mine.addition(coef)]) for coef in (0.1, 0.4)]
    rows.append(mine.row("Another, longer prompt for bloom.", additions=[mine.addition(0.2)]))

    def logits(members: Any) -> torch.Tensor:
        found = {
            id(one.row): one.logits
            for batch in plan(members, Limits())
            for one in score(loaded, batch)
        }
        return torch.stack([found[id(row)] for row in members])

    alone = torch.cat([logits([row]) for row in rows])
    assert (logits(rows) - alone).abs().max() < 1e-4


class Quantised(nn.Module):
    """A linear layer whose weight is stored in bytes, as a quantised checkpoint's is."""

    def __init__(self, linear: nn.Linear, dtype: torch.dtype) -> None:
        super().__init__()
        scale = linear.weight.detach().abs().amax() / 127
        stored = (linear.weight.detach() / scale + 128).round().to(torch.uint8)
        self.weight = nn.Parameter(stored, requires_grad=False)
        self.scale, self.dtype = scale, dtype

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(hidden, (self.weight.to(self.dtype) - 128) * self.scale)


def quantised(dtype: torch.dtype) -> Any:
    """A tiny Llama whose linear layers are stored in bytes and compute in `dtype`."""
    model, tokenizer = tiny.build("llama")
    model.to(dtype)
    for layer in model.model.layers:
        for part in (layer.self_attn, layer.mlp):
            for name, linear in list(part.named_children()):
                if isinstance(linear, nn.Linear):
                    setattr(part, name, Quantised(linear, dtype))
    assert next(model.model.layers.parameters()).dtype == torch.uint8
    return describe(model, tokenizer, name="quantised")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_quantised_model_is_steered_in_the_dtype_of_its_activations(
    tiny_maker: Any, dtype: torch.dtype
) -> None:
    """Coefficients 0, .5, 1, −1 give four answers, and the dtype that is told is the layers'."""
    loaded = quantised(dtype)
    self_test(loaded)
    assert loaded.dtype == dtype
    mine = type(tiny_maker)(loaded)
    answers = []
    for coef in (0.0, 0.5, 1.0, -1.0):
        (batch,) = plan([mine.row(additions=[mine.addition(coef)] if coef else [])], Limits())
        answers.append(score(loaded, batch)[0].logits)
    for index, one in enumerate(answers):
        assert all((one - other).abs().max() > 0.05 for other in answers[:index])


@pytest.mark.parametrize("stored", ["parameter", "buffer"])
def test_other_quantised_weights_are_another_model(stored: str) -> None:
    """The fingerprint sees what quantised layers keep, as parameters or as buffers."""
    models = [quantised(torch.float32).model for _ in range(2)]
    for model in models:
        for module in list(model.modules()):
            if isinstance(module, Quantised) and stored == "buffer":
                weight = module.weight.detach()
                del module.weight
                module.register_buffer("weight", weight)
    assert weights_hash(models[0]) == weights_hash(models[1])
    models[1].model.layers[2].mlp.up_proj.weight.add_(1)
    assert weights_hash(models[0]) != weights_hash(models[1])


def test_an_engine_does_not_start_with_a_model_it_gets_wrong() -> None:
    """The state is dead, with the reason; nothing was answered."""
    loaded = describe(tiny_of("mamba", state_size=8), tiny.tokenizer(), name="mine")
    engine = Engine(lambda: loaded, sizes=Sizes(), clock=time.monotonic)
    engine.start()
    assert engine.join(60)
    assert engine.state == "dead" and "mine (MambaForCausalLM)" in engine.reason


def test_no_command_works_with_a_model_that_the_engine_gets_wrong(monkeypatch: Any) -> None:
    """What they load is tested, as what is served."""
    wrong = describe(tiny_of("mamba", state_size=8), tiny.tokenizer(), name="mine")
    monkeypatch.setattr(options, "load", lambda *args, **more: wrong)
    with pytest.raises(UsageError, match=r"mine .*cannot be served exactly"):
        options.ModelOptions("mine", None, "auto", "cpu", None, None).load()


@pytest.mark.parametrize("new", [1, 3])
def test_a_row_that_makes_passes_fail_fails_alone(tiny_maker: Any, new: int) -> None:
    """The rows beside it get the answers that they get without it, and the engine goes on, however
    many such rows come: here tokens that the model has no embedding for."""
    prompts = ("The cat sat.", "Hi", "Write a poem.")
    expected = [row.sink for row in _run(tiny_maker, prompts, new)]
    sinks = []
    for _ in range(4):
        rows = _run(tiny_maker, prompts, new, bad=100_000)
        assert rows[1].sink.failure.code == "engine_error" and rows[1].sink.finished is None
        sinks.append([rows[at].sink for at in (0, 2, 3)])
    for good in sinks:
        assert [one.finished for one in good] == [one.finished for one in expected]
        assert [one.text for one in good] == [one.text for one in expected]


def _run(maker: Any, prompts: Any, new: int, *, bad: int | None = None) -> Any:
    """Rows of the prompts through a runner, the second of them with a token that is not there."""
    rows = [maker.row(prompt, max_tokens=new) for prompt in prompts]
    if bad is not None:
        spoiled = maker.row("Spoiled.", max_tokens=new)
        spoiled.prompt = (*spoiled.prompt, bad)
        rows.insert(1, spoiled)
    runner = Runner(maker.loaded, Sizes(), Metrics(time.monotonic))
    runner.add(rows)
    while runner.busy:
        runner.turn()
    return rows


TAMPERINGS = {
    "a layer that remembers": lambda hidden, seen: hidden + 0.01 * seen["calls"],
    "a layer that looks at its neighbours": lambda hidden, seen: (
        hidden + 0.05 * hidden.mean(0, keepdim=True)
    ),
    "a layer that looks ahead": lambda hidden, seen: hidden + 0.05 * hidden.mean(1, keepdim=True),
}


@pytest.mark.parametrize("how", TAMPERINGS)
def test_every_way_of_depending_on_something_else_is_seen(how: str) -> None:
    """On earlier passes, on other rows, on later tokens."""
    model, tokenizer = tiny.build("llama")
    mlp = model.model.layers[1].mlp
    seen = SimpleNamespace(calls=0)
    forward = mlp.forward

    def tampered(hidden: torch.Tensor) -> torch.Tensor:
        seen.calls += 1
        return TAMPERINGS[how](forward(hidden), {"calls": seen.calls})

    mlp.forward = tampered
    with pytest.raises(UsageError, match="cannot be served exactly"):
        self_test(describe(model, tokenizer, name="tampered"))
