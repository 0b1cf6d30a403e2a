"""Whether a run can still come to anything: every question so far has failed, none was answered."""

import re

from harness.errors import ServiceError
from harness.wire import Reply

__all__ = ["Hope"]

_SAME = 5
"""So many questions failing with one and the same error end the run: an unsupported setting meets
every question."""
_HOPELESS = 20
"""So many failing with whatever errors, too: every further one would."""
_NUMBERS = re.compile(r"\d+")


class Hope:
    """Counts the answers and failures of one stage (questions, completions) of a run.

    `planned` is how many the whole run asks: one of fewer than five questions has no hope left when
    all have failed. `patient` waits for as many failures of one kind as of several.
    """

    def __init__(self, planned: int | None = None, *, patient: bool = False) -> None:
        self._planned = planned
        self._same = _HOPELESS if patient else _SAME
        self._answered = False
        self._failures = 0
        self._kinds: set[str] = set()
        self._last = ""

    def count(self, reply: Reply) -> None:
        """Take a reply. Errors that differ in their numbers alone are one kind."""
        if reply.error is None:
            self._answered = True
            return
        self._failures += 1
        self._last = reply.error
        self._kinds.add(_NUMBERS.sub("0", reply.error))

    def check(self) -> None:
        """ServiceError when there is none left."""
        few = self._same if len(self._kinds) == 1 else _HOPELESS
        if self._planned:
            few = min(few, self._planned)
        if not self._answered and self._failures >= few:
            raise ServiceError(
                f"the first {self._failures} questions all failed and none was answered; "
                f"the last: {self._last}"
            )
