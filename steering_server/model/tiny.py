"""Tiny random models of each family, with a byte tokenizer: for tests and dry runs, in memory.

`steering-server serve --model tiny:llama` serves one: its answers are noise, its behaviour towards
requests is that of a real one.
"""

from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from harness.errors import UsageError
from steering_server.model.planted import mark, planted

__all__ = ["FAMILIES", "PLANTED", "build", "tokenizer"]

PLANTED = "planted"
"""Family of the model whose answers are known, beside the random ones."""

_COMMON: dict[str, Any] = {
    "vocab_size": 320,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 1024,
    "bos_token_id": 256,
    "eos_token_id": 257,
    "pad_token_id": 258,
}
_PLAIN_HEADS = {"num_key_value_heads": 4}
_GPT2 = {
    "n_embd": 64,
    "n_layer": 4,
    "n_head": 4,
    "n_inner": 128,
    "n_positions": 1024,
    "vocab_size": 320,
    "bos_token_id": 256,
    "eos_token_id": 257,
    "pad_token_id": 258,
}
_SLIDING = {"sliding_window": 24}
_MIXED = {
    **_SLIDING,
    "layer_types": ["sliding_attention", "full_attention"] * 2,
    "query_pre_attn_scalar": 16,
}
_EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", _COMMON),
    "gemma2": ("gemma2", {**_COMMON, **_MIXED}),
    "gemma3": ("gemma3_text", {**_COMMON, **_MIXED}),
    "qwen3": ("qwen3", _COMMON),
    "mistral": ("mistral", {**_COMMON, **_SLIDING}),
    "phi3": ("phi3", {**_COMMON, **_SLIDING}),
    "olmo2": ("olmo2", _COMMON),
    "gpt_neox": ("gpt_neox", {**_COMMON, **_PLAIN_HEADS}),
    "gpt2": ("gpt2", _GPT2),
    "gpt_oss": ("gpt_oss", {**_COMMON, **_SLIDING, **_EXPERTS}),
}
"""Family → transformers' model type and its configuration: 4 layers, width 64. The sliding
windows are shorter than the tests' prompts."""

_TEMPLATE = (
    "{% for m in messages %}<s>{{ m['role'] }}\n{{ m['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)


def tokenizer() -> Any:
    """One token a byte, and four special ones; any text encodes and decodes exactly."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {character: index for index, character in enumerate(alphabet)}
    core = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"."), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=core,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = _TEMPLATE
    return fast


def build(family: str, *, seed: int = 0, spread: float = 0.6) -> tuple[Any, Any]:
    """A random model of `family` and its tokenizer. The same seed makes the same weights.

    `spread` widens the output layer so that the distributions over tokens are not flat. The model
    `planted` is not random: see `steering_server.model.planted`.
    """
    if family == PLANTED:
        marked = tokenizer()
        mark(marked)
        return planted(_GPT2, marked), marked
    if family not in FAMILIES:
        raise UsageError(
            f"unknown tiny model {family!r}; expected one of {', '.join((*FAMILIES, PLANTED))}"
        )
    kind, options = FAMILIES[family]
    config = AutoConfig.for_model(kind, **options, tie_word_embeddings=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
            config, dtype=torch.float32
        )
        torch.nn.init.normal_(model.get_output_embeddings().weight, std=spread)
    return model, tokenizer()
