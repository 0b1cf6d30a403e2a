"""How many rows fit: halved when memory runs out, doubled again after quiet."""

import torch

__all__ = ["RowCap", "is_out_of_memory"]

_QUIET = 256
"""Passes without trouble after which the cap doubles again."""


class RowCap:
    """The most rows in one pass, between 1 and `most`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.value = most
        self._quiet = 0

    def lower(self, rows: int) -> None:
        """Memory ran out with `rows` rows: allow half of them."""
        self.value = max(1, min(self.value, rows // 2))
        self._quiet = 0

    def passed(self) -> None:
        """A pass went well."""
        self._quiet += 1
        if self._quiet >= _QUIET and self.value < self.most:
            self.value = min(self.most, 2 * self.value)
            self._quiet = 0


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory ran out, on a GPU or on a CPU."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
    )
