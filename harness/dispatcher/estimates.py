"""What is learned about sizes and times: tokens a request will take, seconds it will last."""

import math
from collections import deque

__all__ = ["Quantiles", "Sizes"]


class Quantiles:
    """Quantiles of the last `size` values; sorted again only after every eighth new one."""

    def __init__(self, size: int = 200) -> None:
        self._values: deque[float] = deque(maxlen=size)
        self._sorted: list[float] = []
        self._stale = 0

    def __len__(self) -> int:
        return len(self._values)

    def add(self, value: float) -> None:
        """Take one more value."""
        self._values.append(value)
        self._stale += 1

    def at(self, share: float) -> float:
        """The value that `share` of the recent ones do not exceed; NaN when there are none."""
        if not self._values:
            return math.nan
        if self._stale >= 8 or len(self._sorted) < min(8, len(self._values)):
            self._sorted = sorted(self._values)
            self._stale = 0
        index = math.ceil(share * len(self._sorted)) - 1
        return self._sorted[min(max(index, 0), len(self._sorted) - 1)]


class Sizes:
    """Tokens per request, learned from replies.

    Input: bytes x the largest tokens-per-byte ratio seen of late (a third of a token per byte
    until 20 replies have come). Output: the 95th percentile for requests of one kind (one eval,
    one `max_tokens`), `max_tokens` until then. With `reserve="max_tokens"` always the latter.
    """

    LEARNED = 20
    """Replies of which one in twenty, the 95th percentile, is at least one."""

    def __init__(self, *, default_output: int = 512) -> None:
        self._ratio = Quantiles()
        self._outputs: dict[str, Quantiles] = {}
        self._default = default_output

    def input(self, size: int) -> float:
        """Tokens that `size` bytes of messages will come to, rather over than under."""
        ratio = self._ratio.at(1.0) if len(self._ratio) >= self.LEARNED else 1 / 3
        return size * ratio + 1

    def output(self, kind: str, max_tokens: int | None, *, reserve: str) -> float:
        """Tokens to reserve for the answer."""
        most = max_tokens if max_tokens is not None else self._default
        seen = self._outputs.get(kind)
        if reserve == "max_tokens" or seen is None or len(seen) < self.LEARNED:
            return float(most)
        learned = seen.at(0.95)
        return min(learned, max_tokens) if max_tokens is not None else learned

    def learn(self, kind: str, size: int, input_tokens: int, output_tokens: int) -> None:
        """Take the usage that a reply reported."""
        if size > 0 and input_tokens > 0:
            self._ratio.add(input_tokens / size)
        if kind not in self._outputs:
            self._outputs[kind] = Quantiles()
        self._outputs[kind].add(output_tokens)
