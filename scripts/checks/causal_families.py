"""Every causal family of the installed transformers, small: from its own configuration, shrunk.

    python scripts/checks/causal_families.py

lists which build. Used by `steering_families.py`.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils import logging

__all__ = ["build", "families"]

_SMALL: dict[str, Any] = {
    "vocab_size": 320,
    "hidden_size": 64,
    "d_model": 64,
    "n_embd": 64,
    "dim": 64,
    "emb_dim": 64,
    "embedding_size": 64,
    "word_embed_proj_dim": 64,
    "intermediate_size": 128,
    "ffn_dim": 128,
    "d_ff": 128,
    "n_inner": 128,
    "ffn_hidden_size": 128,
    "encoder_ffn_dim": 128,
    "decoder_ffn_dim": 128,
    "moe_intermediate_size": 32,
    "shared_expert_intermediate_size": 32,
    "moe_shared_expert_intermediate_size": 32,
    "shared_intermediate_size": 64,
    "num_hidden_layers": 4,
    "n_layer": 4,
    "n_layers": 4,
    "num_layers": 4,
    "encoder_layers": 2,
    "decoder_layers": 4,
    "num_decoder_layers": 4,
    "num_attention_heads": 4,
    "n_head": 4,
    "n_heads": 4,
    "num_heads": 4,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "head_dim": 16,
    "max_position_embeddings": 512,
    "n_positions": 512,
    "n_ctx": 512,
    "max_seq_len": 512,
    "sliding_window": 24,
    "num_local_experts": 4,
    "num_experts": 4,
    "n_routed_experts": 4,
    "moe_num_experts": 4,
    "num_experts_per_tok": 2,
    "experts_per_token": 2,
    "moe_k": 2,
    "n_group": 1,
    "topk_group": 1,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
    "q_lora_rank": 32,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 16,
    "v_head_dim": 16,
    "qk_head_dim": 32,
    "mamba_n_heads": 8,
    "mamba_num_heads": 8,
    "mamba_d_head": 16,
    "mamba_head_dim": 16,
    "mamba_d_ssm": 128,
    "mamba_d_state": 16,
    "mamba_n_groups": 1,
    "mamba_chunk_size": 16,
    "chunk_size": 16,
    "state_size": 16,
    "ssm_state_size": 16,
    "time_step_rank": 8,
    "linear_num_value_heads": 4,
    "linear_num_key_heads": 2,
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
    "attention_hidden_size": 64,
    "lru_width": 64,
    "query_pre_attn_scalar": 16,
    "hidden_size_per_layer_input": 16,
    "vocab_size_per_layer_input": 320,
    "num_kv_shared_layers": 0,
    "global_head_dim": 16,
    "index_head_dim": 16,
    "index_n_heads": 2,
    "index_topk": 8,
}
_SPECIAL = {
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "decoder_start_token_id": 1,
    "unk_token_id": 3,
    "is_decoder": True,
}
_HEADS = ("num_key_value_heads", "n_head_kv", "num_kv_heads")
_PER_LAYER = ("layer_types", "layers_block_type", "mlp_layer_types", "hybrid_override_pattern")


_OF_FAMILY: dict[str, dict[str, Any]] = {
    "gptj": {"rotary_dim": 8},
    "codegen": {"rotary_dim": 8},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]], "window_size": 24},
    "mamba2": {"num_heads": 8, "head_dim": 16, "n_groups": 1},
}
"""What a family's own rules ask of a small configuration."""


def families() -> list[str]:
    """Model types for which transformers has a causal language model."""
    return list(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)


def _shrunk(config: Any, kept: tuple[str, ...] = ()) -> dict[str, Any]:
    """Options for a small configuration of the kind of `config`, its nested ones shrunk too."""
    options: dict[str, Any] = {}
    for name, value in vars(config).items():
        if name in kept:
            continue
        if name in _SMALL and isinstance(value, int) and not isinstance(value, bool):
            options[name] = _SMALL[name]
        elif name in _HEADS and isinstance(value, int):
            options[name] = 2
        elif name in _SPECIAL:
            options[name] = _SPECIAL[name]
        elif hasattr(value, "to_dict") and name.endswith("config"):
            options[name] = type(value)(**_shrunk(value, kept))
        elif name in _PER_LAYER and isinstance(value, list | str) and len(value) > 4:
            options[name] = _four(value)
    for alias, own in getattr(config, "attribute_map", {}).items():
        if alias in _SMALL and own not in options and hasattr(config, own):
            options[own] = _SMALL[alias]
    return options


def _four(kinds: Any) -> Any:
    """Four layers that show every kind of layer that `kinds` names, where four are enough."""
    if isinstance(kinds, str):
        return "".join(_four(list(kinds)))
    different = list(dict.fromkeys(kinds))[:4]
    return (different * 4)[: max(4, len(different))][:4]


def _attempts(model_type: str) -> Iterator[Any]:
    """Small configurations, the likeliest first."""
    default = CONFIG_MAPPING[model_type]
    base = default()
    options = _shrunk(base) | _OF_FAMILY.get(model_type, {})
    yield lambda: default(**options)
    for gone in ("head_dim", *_PER_LAYER, "sliding_window", "q_lora_rank", "chunk_size"):
        fewer = {name: value for name, value in options.items() if name != gone}
        if len(fewer) < len(options):
            yield lambda fewer=fewer: default(**fewer)
    plain = {name: value for name, value in options.items() if name not in _HEADS}
    yield lambda: default(**plain, **{name: 4 for name in _HEADS if hasattr(base, name)})


def build(model_type: str, *, seed: int = 0, dtype: torch.dtype = torch.float32) -> Any:
    """A random model of `model_type`, small. ValueError, with the reason, where none builds."""
    logging.set_verbosity_error()
    problems = []
    try:
        attempts = list(_attempts(model_type))
    except Exception as error:
        raise ValueError(f"no default configuration: {_line(error)}") from error
    for attempt in attempts:
        try:
            config = attempt()
            size = _parameters(config)
            if size > 30e6:
                raise ValueError(f"{size / 1e6:.0f} M parameters when shrunk")
            with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                torch.manual_seed(seed)
                model = AutoModelForCausalLM.from_config(config, dtype=dtype).eval()
                _awaken(model)
            with torch.inference_mode():
                model(input_ids=torch.tensor([[5, 6, 7, 8]]), use_cache=False)
        except Exception as error:
            problems.append(_line(error))
            continue
        return model
    raise ValueError(problems[0])


def _awaken(model: Any) -> None:
    """Weights large enough that every part shows in the output."""
    for parameter in model.parameters():
        if parameter.ndim >= 2 and parameter.is_floating_point():
            torch.nn.init.normal_(parameter, std=min(0.3, 1.5 / parameter.shape[-1] ** 0.5))
    head = model.get_output_embeddings()
    if head is not None and hasattr(head, "weight"):
        torch.nn.init.normal_(head.weight, std=0.3)


def _parameters(config: Any) -> int:
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    return sum(parameter.numel() for parameter in model.parameters())


def _line(error: Exception) -> str:
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first}"[:200]


def main() -> None:
    """Print which families build."""
    for name in families():
        try:
            model = build(name)
        except ValueError as error:
            print(f"{name:28} does not build: {error}", flush=True)
        else:
            size = sum(parameter.numel() for parameter in model.parameters())
            print(f"{name:28} {type(model).__name__}, {size / 1e6:.2f} M", flush=True)


if __name__ == "__main__":
    main()
