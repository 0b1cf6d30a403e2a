"""Hooks on every decoder layer that read what the step under way wants from them.

They are registered once, when the model is loaded; a request adds nothing to the model. With no
step under way they return at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import torch
from torch import nn

from steering_server.model.changes import Chain, Patch, Told
from steering_server.model.layers import columnwise
from steering_server.model.packing import Packing

__all__ = ["Hooks", "Step", "columns_at_least"]

_PRODUCT = 16


def columns_at_least(rows: int) -> int:
    """Columns to compute of each of `rows` where only the last is read: sixteen rows of a matrix
    product in all. Products of fewer take another kernel on CPUs (fewer than four on some, fewer
    than sixteen where there is AVX-512), and a row alone would differ in its last bits from one in
    a batch; more than that cost time (a ninth of a sweep of nine, with sixteen each)."""
    return -(-_PRODUCT // rows)


@dataclass
class Step:
    """One forward pass: what is changed where, where rows multiply, what is kept.

    `patches` are by layer and count rows as they are after the expansion. At the output of layer
    `expand_at` (−1: at the input, by the caller) the rows become those of `row_of` [rows].
    With `packing` they multiply along the columns instead. Outputs of the layers in `keep` go to
    `kept`, after the patches. Of the last layer's output only the last `read` columns are looked at
    (None: all). What became of each patch goes to `told`, unless `measured` is False.
    """

    patches: Mapping[int, Sequence[Patch | Chain]] = field(default_factory=dict)
    expand_at: int | None = None
    row_of: torch.Tensor | None = None
    packing: Packing | None = None
    keep: frozenset[int] = frozenset()
    read: int | None = None
    measured: bool = True
    told: list[Told] = field(default_factory=list)
    kept: dict[int, torch.Tensor] = field(default_factory=dict)
    _seen: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)
    _packed: dict[tuple[str, int, torch.device], tuple[Any, Any]] = field(default_factory=dict)

    def packed(self, name: str, value: Any, hidden: torch.Tensor) -> Any:
        """An argument of a layer after the lanes parted. Done once an argument and step."""
        assert self.packing is not None
        key = (name, id(value), hidden.device)
        if key not in self._packed:
            self._packed[key] = (value, self.packing.argument(name, value, hidden))
        return self._packed[key][1]

    def expanded(self, value: Any, prompts: int) -> Any:
        """`value` with every tensor that has one row a prompt multiplied to one row a row.

        Done once a tensor and step: all later layers get the same arguments. The original is kept
        beside it so that its identity is not reused.
        """
        if isinstance(value, tuple):
            return tuple(self.expanded(part, prompts) for part in value)
        if not isinstance(value, torch.Tensor) or value.ndim < 2 or value.shape[0] != prompts:
            return value
        if id(value) not in self._seen:
            assert self.row_of is not None
            if prompts == 1:
                done = value.expand(len(self.row_of), *value.shape[1:])
            else:
                done = value.index_select(0, self.row_of.to(value.device))
            self._seen[id(value)] = (value, done)
        return self._seen[id(value)][1]


class Hooks:
    """The hooks of one model. `with hooks.during(step):` makes the forward pass inside obey it.

    `sharing` says whether rows may share work that a plain batch would do for each (late expansion,
    prefixes, lanes side by side, the last layer's unread columns). The self-test clears it for
    models whose layers do not allow that.
    """

    def __init__(self, layers: nn.ModuleList) -> None:
        self.sharing = True
        self._step: Step | None = None
        self._prompts = 0
        self._handles = [
            handle
            for index, layer in enumerate(layers)
            for handle in (
                layer.register_forward_pre_hook(
                    self._before(index, list(signature(layer.forward).parameters)),
                    with_kwargs=True,
                ),
                layer.register_forward_hook(self._after(index)),
            )
        ]
        for module in columnwise(layers[-1]):
            self._narrow(module)

    @contextmanager
    def during(self, step: Step) -> Iterator[Step]:
        """Obey `step` within; nothing of it is left behind, whatever happens."""
        self._step = step
        try:
            yield step
        finally:
            self._step = None
            step._seen.clear()
            step._packed.clear()

    def remove(self) -> None:
        """Take the hooks off the model."""
        for handle in self._handles:
            handle.remove()

    def _narrow(self, module: nn.Module) -> None:
        """Let `module` compute the last columns alone when nobody reads the others (zeros then)."""
        width = 0

        def before(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
            nonlocal width
            width = 0
            if self._step is None or self._step.read is None or not self.sharing:
                return None
            if len(args) != 1:
                return None
            kept = max(self._step.read, columns_at_least(args[0].shape[0]))
            if kept >= args[0].shape[1]:
                return None
            width = args[0].shape[1]
            return (args[0][:, -kept:].contiguous(),)

        def after(module: nn.Module, args: tuple[Any, ...], output: torch.Tensor) -> Any:
            if not width:
                return None
            whole = output.new_zeros((output.shape[0], width, output.shape[2]))
            whole[:, -output.shape[1] :] = output
            return whole

        self._handles.append(module.register_forward_pre_hook(before))
        self._handles.append(module.register_forward_hook(after))

    def _before(self, index: int, names: Sequence[str]) -> Any:
        def hook(
            module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
        ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
            step = self._step
            if step is None or step.expand_at is None or index <= step.expand_at:
                return None
            if step.packing is not None:
                hidden, *others = args
                rest = (
                    step.packed(name, value, hidden)
                    for name, value in zip(names[1:], others, strict=False)
                )
                packed = {name: step.packed(name, value, hidden) for name, value in kwargs.items()}
                return (hidden, *rest), packed
            if step.row_of is None:
                return None
            rest = (step.expanded(value, self._prompts) for value in args[1:])
            named = {name: step.expanded(value, self._prompts) for name, value in kwargs.items()}
            return (*args[:1], *rest), named

        return hook

    def _after(self, index: int) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
            step = self._step
            if step is None:
                return None
            hidden: torch.Tensor = output[0] if isinstance(output, tuple) else output
            if step.packing is not None and step.expand_at == index:
                hidden = step.packing.spread(hidden)
            elif step.row_of is not None and step.expand_at == index:
                self._prompts = hidden.shape[0]
                hidden = hidden.index_select(0, step.row_of.to(hidden.device))
            for patch in step.patches.get(index, ()):
                told = patch.apply(index, hidden, step.packing, measured=step.measured)
                if told is not None:
                    step.told.append(told)
            if index in step.keep:
                step.kept[index] = hidden
            return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

        return hook
