"""Keys and values of a batch whose rows come, go and multiply.

transformers' own dynamic cache copies everything at each step and cannot change its rows halfway
through the layers. This one grows in blocks, drops and merges rows, forgets the tokens of a
failed step, and lets the layers after a late expansion hold more rows than those before it.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

__all__ = ["RowCache", "merge"]

_BLOCK = 64
"""Tokens of room that are added at once."""


class _RowLayer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """Keys and values of one layer: buffers [rows, heads, room, width], of which `length` used."""

    is_sliding = False
    is_croppable = True

    def __init__(self, row_of: torch.Tensor | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.length = 0
        self.row_of = row_of

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        self.keys = key_states[:, :, :0]
        self.values = value_states[:, :, :0]
        self.is_initialized = True

    def _grow(self, buffer: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        """A buffer like `buffer` with room for `new`, rows multiplied if `new` has more."""
        needed = self.length + new.shape[2]
        wider = new.shape[0] != buffer.shape[0]
        if needed <= buffer.shape[2] and not wider:
            return buffer
        room = needed if self.length == 0 else needed + _BLOCK
        grown = new.new_empty((new.shape[0], new.shape[1], room, new.shape[3]))
        if self.length:
            used = buffer[:, :, : self.length]
            if wider:
                assert self.row_of is not None
                used = used.index_select(0, self.row_of.to(used.device))
            grown[:, :, : self.length] = used
        return grown

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        assert self.keys is not None and self.values is not None
        end = self.length + key_states.shape[2]
        self.keys = self._grow(self.keys, key_states)
        self.values = self._grow(self.values, value_states)
        self.keys[:, :, self.length : end] = key_states
        self.values[:, :, self.length : end] = value_states
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.length + query_length, 0

    def get_seq_length(self) -> int:
        return self.length

    def get_max_length(self) -> int:
        return -1

    def used(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Views of keys and values without the spare room."""
        assert self.keys is not None and self.values is not None
        return self.keys[:, :, : self.length], self.values[:, :, : self.length]

    def select(self, rows: torch.Tensor, start: int) -> None:
        """Keep `rows` (in that order, repeats allowed) and the tokens from `start` on."""
        keys, values = self.used()
        rows = rows.to(keys.device)
        self.keys = keys[:, :, start:].index_select(0, rows)
        self.values = values[:, :, start:].index_select(0, rows)
        self.length -= start

    def begin(self, column: torch.Tensor) -> None:
        """Multiply one row: column c of row r is its token `column[r, c]`."""
        keys, values = self.used()
        column = column.to(keys.device)
        self.keys = keys[0][:, column].transpose(0, 1).contiguous()
        self.values = values[0][:, column].transpose(0, 1).contiguous()
        self.length = column.shape[1]


class RowCache(Cache):
    """A cache of `count` layers. `row_of` [rows] says which row each row of later layers comes
    from, when a late expansion multiplies them."""

    def __init__(self, count: int) -> None:
        super().__init__(layers=[_RowLayer() for _ in range(count)])

    @property
    def rows(self) -> list[_RowLayer]:
        """The layers, as this module's own type."""
        return cast("list[_RowLayer]", self.layers)

    @property
    def length(self) -> int:
        """Tokens held, padding included."""
        return self.rows[0].length

    def expand_by(self, row_of: torch.Tensor) -> None:
        """Let any layer that is next given len(row_of) rows multiply what it holds to match."""
        for layer in self.rows:
            layer.row_of = row_of

    def settle(self, row_of: torch.Tensor) -> None:
        """Multiply the layers that a late expansion left at one row a prompt."""
        for layer in self.rows:
            assert layer.keys is not None
            if layer.keys.shape[0] != len(row_of):
                layer.select(row_of, 0)

    def begin(self, pads: Sequence[int], width: int) -> None:
        """Let the one row held be the beginning of len(pads) rows of `width` columns, row r from
        column pads[r] on. Padding is its first token again, never attended: the mask says so."""
        column = torch.arange(width) - torch.tensor(pads)[:, None]
        for layer in self.rows:
            layer.begin(column.clamp(min=0))

    def select(self, rows: torch.Tensor, *, start: int = 0) -> None:
        """Keep `rows` in that order, and the tokens from `start` on."""
        for layer in self.rows:
            layer.select(rows, start)

    def selected(self, rows: torch.Tensor) -> "RowCache":
        """A copy that holds `rows` in that order; this one stays as it is."""
        copy = RowCache(len(self.rows))
        for target, source in zip(copy.rows, self.rows, strict=True):
            target.keys, target.values = source.used()
            target.length = source.length
            target.is_initialized = True
            target.select(rows, 0)
            assert target.keys is not None
            target.dtype, target.device = target.keys.dtype, target.keys.device
        return copy

    def forget_after(self, length: int) -> None:
        """Drop tokens beyond `length`, also where a step failed between two layers."""
        for layer in self.rows:
            layer.length = min(layer.length, length)


def merge(first: RowCache, second: RowCache) -> RowCache:
    """The rows of `first`, then those of `second`, right-aligned; the shorter is padded left.

    Padding is zeros, never attended: the caller's mask says so.
    """
    merged = RowCache(len(first.rows))
    length = max(first.length, second.length)
    for target, one, two in zip(merged.rows, first.rows, second.rows, strict=True):
        keys, values = zip(one.used(), two.used(), strict=True)
        target.keys = _right_aligned(keys, length)
        target.values = _right_aligned(values, length)
        target.dtype, target.device = target.keys.dtype, target.keys.device
        target.is_initialized = True
        target.length = length
    return merged


def _right_aligned(parts: tuple[torch.Tensor, ...], length: int) -> torch.Tensor:
    """All rows of `parts` [rows, heads, tokens, width] ending at column `length`, with room."""
    sample = parts[0]
    rows = sum(part.shape[0] for part in parts)
    buffer = sample.new_zeros((rows, sample.shape[1], length + _BLOCK, sample.shape[3]))
    at = 0
    for part in parts:
        buffer[at : at + part.shape[0], :, length - part.shape[2] : length] = part
        at += part.shape[0]
    return buffer
