"""What was odd in a run's replies and did not cost an answer: counted, and said when it ends."""

from collections import Counter

from harness.wire import Reply

__all__ = ["Oddities"]

_SHOWN = 4


class Oddities:
    """Counts replies with an ending that is not known, or with a usage that cannot be."""

    def __init__(self) -> None:
        self._endings: Counter[str] = Counter()
        self._usages = 0

    def count(self, reply: Reply) -> None:
        """Take a reply."""
        if reply.finish is not None:
            self._endings[reply.finish] += 1
        if not reply.usage_known:
            self._usages += 1

    def lines(self) -> list[str]:
        """One line a kind of oddity that occurred."""
        found = []
        if self._endings:
            most = [f"{name!r} {count:,}" for name, count in self._endings.most_common(_SHOWN)]
            more = ", …" if len(self._endings) > _SHOWN else ""
            found.append(
                f"{_replies(self._endings.total())} ended for a reason that is not known "
                f"({', '.join(most)}{more}): read by what a complete answer looks like"
            )
        if self._usages:
            found.append(
                f"{_replies(self._usages)} reported numbers of tokens that cannot be: "
                "those are unknown"
            )
        return found


def _replies(count: int) -> str:
    return "1 reply" if count == 1 else f"{count:,} replies"
