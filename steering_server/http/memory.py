"""Memory of large requests, given back to the system."""

import ctypes
import sys
from collections.abc import Callable

__all__ = ["give_back"]

_LARGE = 1 << 20
"""Bytes of a body from which it is worth the milliseconds."""


def _trimmer() -> Callable[[int], int] | None:
    """glibc's `malloc_trim`; None where the C library has none."""
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)


_TRIM = _trimmer()


def give_back(size: int) -> None:
    """After a request of `size` bytes: return the heap's free pages. glibc keeps what a thread's
    arena has held, so that a few large requests would weigh for ever."""
    if size >= _LARGE and _TRIM is not None:
        _TRIM(0)
