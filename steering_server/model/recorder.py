"""Residual activations of one row, reduced as they pass by.

A recorder keeps one vector a layer: of the first or last token of a span, or the mean over it.
"""

from typing import Literal

import torch

__all__ = ["Recorder", "Selector"]

Selector = Literal["first", "last", "mean"]


class Recorder:
    """Reduces the outputs of `layers` over the positions [start, end) of a row by `selector`.

    `end` None means up to the last token that the model was given. Values are taken after
    anything was added to them, in fp32.
    """

    def __init__(
        self, layers: tuple[int, ...], selector: Selector, start: int, end: int | None
    ) -> None:
        self.layers = layers
        self.selector = selector
        self.start = start
        self.end = end
        self._sum: dict[int, torch.Tensor] = {}
        self._count: dict[int, int] = {}

    def restart(self) -> None:
        """Forget everything: the row is computed anew from its first token."""
        self._sum.clear()
        self._count.clear()

    def take(self, layer: int, hidden: torch.Tensor, position: int) -> None:
        """Take the output [tokens, width] of `layer`; its first token stands at `position`."""
        start = max(self.start - position, 0)
        end = len(hidden) if self.end is None else min(self.end - position, len(hidden))
        if start >= end:
            return
        part = hidden[start:end].to("cpu", torch.float32)
        if self.selector == "last":
            self._sum[layer], self._count[layer] = part[-1].clone(), 1
        elif self.selector == "first":
            self._sum.setdefault(layer, part[0].clone())
            self._count[layer] = 1
        else:
            before = self._sum.get(layer)
            total = part.sum(0)
            self._sum[layer] = total if before is None else before + total
            self._count[layer] = self._count.get(layer, 0) + len(part)

    def result(self) -> dict[int, torch.Tensor]:
        """Layer → vector [width]; a layer that saw no token of the span is absent."""
        return {layer: self._sum[layer] / self._count[layer] for layer in sorted(self._sum)}
