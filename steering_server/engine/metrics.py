"""What the engine has done, for `/metrics`, `/health` and the Retry-After header."""

import math
from collections import Counter, deque
from collections.abc import Callable

__all__ = ["Metrics"]

_WINDOW = 30.0
"""Seconds over which rates are measured."""
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """Counters and rates. `clock` gives seconds, monotonically.

    Written by the engine's thread and read by others; every field is a single value that Python
    replaces whole.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ended: deque[tuple[float, int]] = deque()
        self.queued = 0
        self.running = 0
        self.cap = 0
        self.tokens = 0
        self.prompt_tokens = 0
        self.evictions = 0
        self.out_of_memory = 0
        self.outcomes: Counter[str] = Counter()
        self.batches: Counter[int] = Counter()
        self.batch_rows = 0
        self.passes = 0

    def passed(self, rows: int) -> None:
        """A forward pass over `rows` rows."""
        self.passes += 1
        self.batch_rows += rows
        self.batches[next((size for size in _SIZES if rows <= size), _SIZES[-1])] += 1

    def ended(self, outcome: str, tokens: int) -> None:
        """A row has left the engine, after `tokens` generated tokens."""
        self.outcomes[outcome] += 1
        self.tokens += tokens
        self._ended.append((self._clock(), tokens))
        self._forget()

    def _forget(self) -> None:
        while self._ended and self._ended[0][0] < self._clock() - _WINDOW:
            self._ended.popleft()

    def _rate(self, total: float) -> float:
        if not self._ended:
            return 0.0
        return total / max(self._clock() - self._ended[0][0], 0.1)

    @property
    def rows_per_second(self) -> float:
        """Rows that left, a second, over the last half minute."""
        self._forget()
        return self._rate(len(self._ended))

    @property
    def tokens_per_second(self) -> float:
        """Generated tokens of rows that left, a second, over the last half minute."""
        self._forget()
        return self._rate(sum(tokens for _, tokens in list(self._ended)))

    def retry_after(self, ahead: int) -> int:
        """Whole seconds until `ahead` rows have left at the measured rate: 1 to 60."""
        rate = self.rows_per_second
        return 5 if rate == 0 else min(max(math.ceil(ahead / rate), 1), 60)

    def text(self) -> str:
        """In the exposition format that Prometheus reads."""
        lines = [
            f"steering_queue_rows {self.queued}",
            f"steering_running_rows {self.running}",
            f"steering_batch_cap_rows {self.cap}",
            f"steering_passes_total {self.passes}",
            f"steering_pass_rows_total {self.batch_rows}",
            f"steering_generated_tokens_total {self.tokens}",
            f"steering_prompt_tokens_total {self.prompt_tokens}",
            f"steering_tokens_per_second {self.tokens_per_second:.3f}",
            f"steering_rows_per_second {self.rows_per_second:.3f}",
            f"steering_evictions_total {self.evictions}",
            f"steering_out_of_memory_total {self.out_of_memory}",
        ]
        lines += [
            f'steering_rows_total{{outcome="{name}"}} {count}'
            for name, count in sorted(self.outcomes.items())
        ]
        lines += [
            f'steering_passes_by_rows{{le="{size}"}} {count}'
            for size, count in sorted(self.batches.items())
        ]
        return "\n".join(lines) + "\n"
