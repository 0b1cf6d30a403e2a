"""A rate limit kept on our side: a bucket for smoothness, and the last minute for certainty.

The bucket holds C, one second's worth of the limit, and refills at (limit - C) / 60 a second, so
that C + 60 x refill = limit. Two things could still break the limit in some 60 s window: tokens
that a settled request gives back, and requests that reach the server closer together than they
left. So the amounts of the last 61 s are kept too, and nothing goes that would lift their sum
above the limit. A limit makes a request wait; it never refuses one.
"""

from collections import deque

__all__ = ["Bucket", "Charge"]

_EPSILON = 1e-9


class Charge:
    """An amount taken from a bucket at a time; `amount` becomes exact when it is settled."""

    __slots__ = ("amount", "at", "expired")

    def __init__(self, at: float, amount: float) -> None:
        self.at = at
        self.amount = amount
        self.expired = False


class Bucket:
    """At most `limit` units in any `window` seconds.

    `efficiency` scales the refill: the endpoint lowers it when the server says that the limit
    is not what the pool file says.
    """

    def __init__(self, limit: float, *, now: float, window: float = 60.0) -> None:
        self.window = window
        self.guard = window + max(window / 60, 0.1)
        self.efficiency = 1.0
        self._charges: deque[Charge] = deque()
        self._total = 0.0
        self._at = now
        self.limit = limit
        self.burst = 0.0
        self._refill = 0.0
        self.level = 0.0
        self.relimit(limit)
        self.level = self.burst

    def relimit(self, limit: float) -> None:
        """Set another limit, as the server taught it."""
        self.limit = limit
        share = 1 / 60 if self.window >= 60 else 0.1
        self.burst = max(1.0, limit * share)
        # A limit of one or two units would leave no refill: then the window alone decides.
        self._refill = max(limit - self.burst, limit / 2) / self.window
        self.level = min(self.level, self.burst)

    @property
    def rate(self) -> float:
        """Units a second that come back at present."""
        return self._refill * self.efficiency

    @property
    def total(self) -> float:
        """Units in the guarded window."""
        return self._total

    def _advance(self, now: float) -> None:
        if now > self._at:
            self.level = min(self.burst, self.level + (now - self._at) * self.rate)
            self._at = now
        charges = self._charges
        while charges and charges[0].at + self.guard <= now:
            charge = charges.popleft()
            charge.expired = True
            self._total -= charge.amount
        if not charges:
            self._total = 0.0

    def set_efficiency(self, efficiency: float, now: float) -> None:
        """Scale the refill from now on."""
        if efficiency != self.efficiency:
            self._advance(now)
            self.efficiency = efficiency

    def ready(self, amount: float, now: float) -> float:
        """Earliest time at which `amount` may be taken; `now` if it may be taken at once.

        An amount above the burst goes when the bucket is full and leaves it in debt; one above
        the whole limit goes when the window is empty.
        """
        self._advance(now)
        at = now
        short = min(amount, self.burst) - self.level
        if short > _EPSILON:
            at = now + short / self.rate + 1e-6
        over = self._total + min(amount, self.limit) - self.limit
        if over > _EPSILON:
            for charge in self._charges:
                over -= charge.amount
                if over <= _EPSILON:
                    break
            at = max(at, charge.at + self.guard)
        return at

    def take(self, amount: float, now: float) -> Charge:
        """Take `amount`; the caller has asked `ready`."""
        self._advance(now)
        self.level -= amount
        self._total += amount
        charge = Charge(now, amount)
        self._charges.append(charge)
        return charge

    def settle(self, charge: Charge, actual: float, now: float) -> None:
        """Replace what was reserved by what it came to (0 gives all of it back)."""
        self._advance(now)
        self.level = min(self.burst, self.level + charge.amount - actual)
        if not charge.expired:
            self._total += actual - charge.amount
        charge.amount = actual

    def drain(self, now: float, until: float, level: float = 0.0) -> None:
        """The server says no more than `level` is left, and nothing comes back before `until`."""
        self._advance(now)
        self.level = min(self.level, level)
        self._at = max(self._at, until)
