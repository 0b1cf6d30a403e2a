"""The pilot: the first questions of a run, whose outcomes are shown before the rest is asked."""

from collections.abc import Sequence

import anyio

__all__ = ["Pilot"]


class Pilot:
    """Lets the first `size` questions through and holds the rest until these are answered."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._started = 0
        self._pending = 0
        self._over = anyio.Event()
        self.outcomes: dict[str, int] = {}

    async def enter(self, questions: int) -> bool:
        """Wait until so many questions may be asked; true where they belong to the pilot."""
        if self._started >= self.size:
            if self.size:
                await self._over.wait()
            return False
        self._started += questions
        self._pending += 1
        return True

    def leave(self, outcomes: Sequence[str]) -> bool:
        """Count the outcomes of a sample of the pilot; true for the one that ends it."""
        for outcome in outcomes:
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        self._pending -= 1
        if self._pending == 0 and not self._over.is_set():
            self._over.set()
            return True
        return False
