"""A tiny model whose answers are known: what it likes, and what a push along each direction does.

`tiny:planted` is a GPT-2 of four layers. The first layer's attention takes the mean value of the
words of `harness.items.marked.VALUES` to a direction of liking, and marks a conversation that holds
a digit; the last layer's MLP breaks the model where its liking is pushed too far; all else is zero.
So a vector added after any layer but the last acts on the answer in a way that can be written down.
"""

from typing import Any

import torch
from tokenizers import AddedToken
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from harness.items.marked import BROKEN, SAID, STRENGTHS, VALUES, WIDTH, basis

__all__ = ["mark", "planted"]

_HEAD = 16
_SHARE = 24.0
"""How much more a word with a value is attended to than any other token, in logits."""
_DIGITS = "12345"


def mark(tokenizer: Any) -> None:
    """Make every word and sentence with a value, and the broken one, a token of its own."""
    tokenizer.add_tokens(
        [AddedToken(text, normalized=False) for text in sorted((*VALUES, BROKEN), key=len)]
    )


def planted(options: dict[str, Any], tokenizer: Any) -> Any:
    """The model, for a tokenizer that was marked; `options` are those of the tiny GPT-2."""
    size = len(tokenizer) + (-len(tokenizer)) % 16
    config = AutoConfig.for_model(
        "gpt2", **{**options, "vocab_size": size}, tie_word_embeddings=False
    )
    model: Any = AutoModelForCausalLM.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "ln_" not in name:
                nn.init.zeros_(weight)
        _embed(model, tokenizer)
        _attend(model.transformer.h[0].attn)
        _break(model.transformer.h[-1].mlp)
        _say(model.lm_head.weight, tokenizer)
    return model


def _axis(name: str) -> torch.Tensor:
    return torch.from_numpy(basis()[name]).to(torch.float32)


def _token(tokenizer: Any, text: str) -> int:
    (found,) = tokenizer(text, add_special_tokens=False).input_ids
    return int(found)


def _embed(model: Any, tokenizer: Any) -> None:
    own = STRENGTHS
    table = model.transformer.wte.weight
    table += own.base * _axis("base")
    for text, value in {**VALUES, BROKEN: 0.0}.items():
        # What is worth nothing is as long as the others, so that norms weigh all alike.
        even = _axis("even") if value == 0 else value * _axis("value")
        table[_token(tokenizer, text)] += own.valued * _axis("valued") + own.value * even
    for digit in _DIGITS:
        table[_token(tokenizer, digit)] += own.valued * _axis("digit")
    model.transformer.wpe.weight[0] += own.sink * _axis("sink")


def _attend(attention: Any) -> None:
    """Head 0 takes values to liking, head 1 digits to being asked."""
    own = STRENGTHS
    weight, bias = attention.c_attn.weight, attention.c_attn.bias
    length = (own.base**2 + own.valued**2 + own.value**2) ** 0.5
    digit_length = (own.base**2 + own.valued**2) ** 0.5
    unit = WIDTH**0.5
    heads = (
        ("valued", "value", own.value, length, "liking", own.liking),
        ("digit", "digit", own.valued, digit_length, "asked", own.asked),
    )
    for head, (key, read, size, norm, written, strength) in enumerate(heads):
        at = head * _HEAD
        bias[at] = _HEAD**0.5
        weight[:, WIDTH + at] = _SHARE * norm / (unit * own.valued) * _axis(key)
        weight[:, 2 * WIDTH + at] = norm / (unit * size) * _axis(read)
        attention.c_proj.weight[at] = strength * _axis(written)


def _break(mlp: Any) -> None:
    own = STRENGTHS
    for place, sign in enumerate((1.0, -1.0)):
        mlp.c_fc.weight[:, place] = own.sharp * sign * _axis("liking")
        mlp.c_fc.bias[place] = -own.sharp * own.limit
        mlp.c_proj.weight[place] = own.breaking * _axis("broken")


def _say(head: torch.Tensor, tokenizer: Any) -> None:
    own = STRENGTHS
    head += -own.other * _axis("base")
    for text, value in SAID.items():
        head[_token(tokenizer, text)] = own.tone * value * _axis("liking")
    # A logit cannot have a constant: the length along `base` is all but constant.
    head[_token(tokenizer, BROKEN)] = own.broken * _axis("broken") - (
        own.whole / WIDTH**0.5 * _axis("base")
    )
    for digit in _DIGITS:
        head[_token(tokenizer, digit)] += own.rating * (int(digit) - 3) * _axis(
            "liking"
        ) + own.answer * _axis("asked")
