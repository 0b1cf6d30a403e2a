"""What can go wrong at a provider, as data: a file describes a server and its bad moments.

::

    latency = 0.8            # seconds
    jitter = 0.2             # standard deviation of the logarithm of the latency
    rpm = 3000
    tpm = 600_000

    [[faults]]
    kind = "error"           # 15 seconds of status 500 after half a minute
    status = 500
    start = 30
    duration = 15

    [[faults]]
    kind = "slow"            # 2 % of replies take twelve times as long
    factor = 12
    share = 0.02
"""

import math
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from harness.errors import UsageError
from harness.trees import toml_tree

__all__ = ["Fault", "FaultKind", "ServerSpec", "load_server"]

FaultKind = Literal[
    "throttle",
    "capacity",
    "quota",
    "error",
    "refuse",
    "reset",
    "reset_body",
    "truncate",
    "garbage",
    "error_in_200",
    "hang",
    "slow",
    "filter",
]

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of misbehaviour, from `start` for `duration` seconds, for a `share` of requests.

    With `period`, only in the first half of each period (flapping). `status` goes with error.
    `retry_after` goes with throttle: seconds, `date:+SECONDS` for an HTTP date, any other text as
    it is; absent means no such header. `factor` multiplies the latency (slow) or the limits
    (capacity). throttle: 429; quota: 429 that no waiting helps; refuse, reset: no response; the
    connection closes; reset_body: closes inside the body; truncate: half of the JSON, complete for
    HTTP; garbage: an HTML page with status 200; error_in_200: an error object with status 200;
    hang: no response until the client gives up; filter: a content filter's refusal.
    """

    kind: FaultKind
    start: NotNegative = 0.0
    duration: Positive = math.inf
    share: Share = 1.0
    period: Positive | None = None
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 500
    retry_after: str | None = None
    factor: Positive = 1.0

    def active(self, at: float) -> bool:
        """Whether it is on, `at` seconds after the server's start."""
        if not self.start <= at < self.start + self.duration:
            return False
        return self.period is None or (at - self.start) % self.period < self.period / 2


class ServerSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider to simulate. Latency in seconds; limits per minute; `slots` answers at a time.

    `enforce` "window" counts every 60 s window, "bucket" lets limit / 60 through a second with
    `burst` seconds in hand. `headers` sends x-ratelimit headers: truly, with −1 or 0 for every
    number, or not at all.
    """

    latency: NotNegative = 0.02
    jitter: NotNegative = 0.0
    rpm: Positive | None = None
    tpm: Positive | None = None
    slots: Annotated[int, msgspec.Meta(ge=1)] | None = None
    enforce: Literal["window", "bucket"] = "window"
    burst: Positive = 2.0
    headers: Literal["real", "minus_one", "zero", "none"] = "real"
    faults: tuple[Fault, ...] = ()


def load_server(file: Path) -> ServerSpec:
    """Read a server's description; UsageError naming file, key and value."""
    try:
        return msgspec.convert(toml_tree(file.read_text("utf-8")), ServerSpec)
    except FileNotFoundError:
        raise UsageError(f"no faults file {str(file)!r}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"faults file {file}: {error}") from None
