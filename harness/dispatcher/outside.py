"""Calls that leave the pump for what others wrote: a disk, a display, a caller.

What they raise must not break off the pump's own books, and must not be passed over either: the
first of it is kept, and the run ends with it.
"""

from collections.abc import Callable
from typing import ParamSpec

__all__ = ["Outside"]

P = ParamSpec("P")


class Outside:
    """`broken` is the first thing that raised, in one line; None while all is well."""

    def __init__(self) -> None:
        self.broken: str | None = None

    def call(self, what: str, done: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call it and keep what it raises."""
        try:
            done(*args, **kwargs)
        except Exception as error:
            self.failed(what, error)

    def failed(self, what: str, error: Exception) -> None:
        """Keep an error that was caught elsewhere."""
        if self.broken is None:
            detail = " ".join(str(error).split())[:200]
            self.broken = f"{what} failed: {type(error).__name__}: {detail}"
