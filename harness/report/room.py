"""How much of several lists fits into one room."""

from collections.abc import Sequence

__all__ = ["fitting"]


def fitting(lengths: Sequence[Sequence[int]], room: int, *, most: int = 2000) -> int:
    """The largest count, at most `most`, so that so many of each list's first fit together.

    `lengths` has the size of each entry of each list, in the unit of `room`.
    """
    size = 0
    for count in range(most):
        size += sum(list_[count] for list_ in lengths if len(list_) > count)
        if size > room:
            return count
    return most
