"""Models with a tower for images: served by their text, or refused in one line."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForImageTextToText

from harness.errors import UsageError
from steering_server.engine.self_test import self_test
from steering_server.model import tiny
from steering_server.model.models import load

_TEXT: dict[str, Any] = {
    **tiny.FAMILIES["llama"][1],
    "tie_word_embeddings": False,
}
_EYE = {
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 16,
    "head_dim": 16,
}


def saved(kind: str, text: str, eye: str, folder: Path) -> Path:
    """A small random model whose towers for text and images are equally deep."""
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        kind,
        text_config={"model_type": text, **_TEXT},
        vision_config={"model_type": eye, **_EYE},
    )
    AutoModelForImageTextToText.from_config(config).save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("kind", "text", "eye"),
    [("llava", "llama", "clip_vision_model"), ("mistral3", "mistral", "pixtral")],
)
def test_a_wrapper_of_equal_depths_is_served_by_its_text(
    tmp_path: Path, kind: str, text: str, eye: str
) -> None:
    """The layers are those of the language model, and the self-test passes."""
    loaded = load(str(saved(kind, text, eye, tmp_path)))
    self_test(loaded)
    names = {id(module): name for name, module in loaded.model.named_modules()}
    assert "language_model" in names[id(loaded.layers)]
    assert loaded.width == 64


@pytest.mark.parametrize("kind", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"])
def test_positions_of_three_axes_are_those_of_text(tmp_path: Path, kind: str) -> None:
    """Qwen's wrappers turn positions by three axes, which for text alone are one."""
    turning = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10_000.0}
    text = {**_TEXT, "rope_scaling": {"type": "mrope", **turning}, "rope_parameters": turning}
    eye = {
        "depth": 4,
        "embed_dim": 32,
        "hidden_size": 64 if kind == "qwen2_vl" else 32,
        "num_heads": 2,
        "out_hidden_size": 64,
        "intermediate_size": 32,
        "fullatt_block_indexes": [1],
        "num_position_embeddings": 16,
        "deepstack_visual_indexes": [1],
    }
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        kind, text_config={"model_type": f"{kind}_text", **text}, vision_config=eye
    )
    AutoModelForImageTextToText.from_config(config).save_pretrained(tmp_path)
    tiny.tokenizer().save_pretrained(tmp_path)
    loaded = load(str(tmp_path))
    self_test(loaded)
    names = {id(module): name for name, module in loaded.model.named_modules()}
    assert "language_model" in names[id(loaded.layers)]


def test_what_is_no_language_model_is_refused_in_one_line(tmp_path: Path) -> None:
    """The line names the kind."""
    AutoConfig.for_model("clip_vision_model", **_EYE).save_pretrained(tmp_path)
    tiny.tokenizer().save_pretrained(tmp_path)
    with pytest.raises(UsageError, match="clip_vision_model") as refusal:
        load(str(tmp_path))
    assert "\n" not in str(refusal.value)
