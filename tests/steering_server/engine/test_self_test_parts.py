"""Each part of the self-test sees a fault that no other part would see."""

from collections.abc import Callable
from inspect import signature
from typing import Any

import pytest
import torch

from harness.errors import UsageError
from steering_server.engine.self_test import self_test
from steering_server.model import tiny
from steering_server.model.models import Loaded, describe
from steering_server.model.recorder import Recorder


class Pass:
    """What a decoder layer is given in one pass."""

    def __init__(self, hidden: torch.Tensor, given: dict[str, Any], state: dict[str, int]) -> None:
        cache, mask = given.get("past_key_values"), given.get("attention_mask")
        self.new = hidden.shape[1]
        self.total = self.new if cache is None else cache.get_seq_length(1)
        self.old = self.total - self.new
        self.mask = None if mask is None or mask.ndim != 4 else mask
        self.state = state

    def hidden(self, column: int) -> bool:
        """Whether the last token of any row is kept from `column`."""
        if self.mask is None:
            return False
        seen = self.mask[:, 0, -1, column]
        return bool((~seen if seen.dtype == torch.bool else seen < 0).any())


def padded(given: Pass) -> bool:
    return given.hidden(0)


def side_by_side(given: Pass) -> bool:
    return given.new > 1 and given.hidden(-2)


def chunk_after_others(given: Pass) -> bool:
    return given.old > 0 and given.new > 1


def token_after_others(given: Pass) -> bool:
    return given.old > 0 and given.new == 1 and given.total > 27


def later_token(given: Pass) -> bool:
    return given.old > 0 and given.new == 1 and given.total > 28


def remembers_replies(given: Pass) -> bool:
    """In the next pass over a whole sequence."""
    if later_token(given):
        given.state["replied"] = 1
        return False
    return given.old == 0 and bool(given.state.pop("replied", 0))


FAULTS: dict[str, tuple[Callable[[Pass], bool], str]] = {
    "looks at padding": (padded, "a prompt in a batch"),
    "goes wrong from the second token": (token_after_others, "token 2 of a reply"),
    "goes wrong from the third token": (later_token, "token 3 of a reply"),
    "is another after replies": (remembers_replies, "a plain pass after the others"),
}
SHARED: dict[str, Callable[[Pass], bool]] = {
    "takes lanes side by side for one": side_by_side,
    "takes several tokens after others for one": chunk_after_others,
}


def faulty(
    wrong: Callable[[Pass], bool], *, size: float = 0.05, dtype: torch.dtype = torch.float32
) -> Loaded:
    """A tiny model whose second layer adds a little wherever `wrong` says so."""
    model, tokenizer = tiny.build("llama")
    model = model.to(dtype)
    layer = model.model.layers[1]
    forward = layer.forward
    state: dict[str, int] = {}

    def tampered(hidden: torch.Tensor, *args: Any, **given: Any) -> torch.Tensor:
        output: torch.Tensor = forward(hidden, *args, **given)
        return output + size if wrong(Pass(hidden, given, state)) else output

    tampered.__signature__ = signature(forward)  # type: ignore[attr-defined]
    layer.forward = tampered
    return describe(model, tokenizer, name="faulty")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_model_is_refused_by_the_part_that_sees_it(fault: str) -> None:
    """The line names what differed."""
    wrong, named = FAULTS[fault]
    with pytest.raises(UsageError, match=f"faulty .*cannot be served exactly: {named}"):
        self_test(faulty(wrong))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("fault", list(FAULTS)[1:3])
def test_half_precision_hides_no_fault(fault: str, dtype: torch.dtype) -> None:
    """What counts as rounding there is the model's own, and a fault beyond it is refused."""
    wrong, named = FAULTS[fault]
    self_test(faulty(lambda given: False, dtype=dtype))
    with pytest.raises(UsageError, match=f"cannot be served exactly: {named}"):
        self_test(faulty(wrong, size=2.0, dtype=dtype))


@pytest.mark.parametrize("fault", SHARED)
def test_a_fault_in_sharing_ends_the_sharing(fault: str) -> None:
    """Rows are then computed apart, which is exact."""
    loaded = faulty(SHARED[fault])
    self_test(loaded)
    assert not loaded.hooks.sharing


@pytest.mark.parametrize(("first", "named"), [(True, "capture at"), (False, "capture of a reply")])
def test_a_capture_of_something_else_is_refused(
    monkeypatch: pytest.MonkeyPatch, first: bool, named: str
) -> None:
    """Of the prompt, or of what is generated."""
    take = Recorder.take

    def shifted(self: Recorder, layer: int, hidden: torch.Tensor, position: int) -> None:
        take(self, layer, hidden + 0.1 * ((position == 0) == first), position)

    monkeypatch.setattr(Recorder, "take", shifted)
    with pytest.raises(UsageError, match=f"cannot be served exactly: {named}"):
        self_test(describe(*tiny.build("llama"), name="mine"))


def test_a_layer_whose_output_is_changed_afterwards_is_refused() -> None:
    """What is added there moves it by something else."""
    model, tokenizer = tiny.build("llama")
    layer = model.model.layers[3]
    forward = layer.forward

    def in_place(hidden: torch.Tensor, *args: Any, **given: Any) -> torch.Tensor:
        hidden.add_(torch.tanh(hidden))
        output: torch.Tensor = forward(hidden, *args, **given)
        return output

    layer.forward = in_place
    with pytest.raises(UsageError, match="layer 2 moves its output by something else"):
        self_test(describe(model, tokenizer, name="mine"))
