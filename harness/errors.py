"""Errors, in two trees that never meet.

::

    PenchantError              something stops the command or the run; one line says what
    ├── UsageError             the user gave something unusable: value, what was allowed, where
    ├── ServiceError           a provider, pool or server cannot go on (dead pool, missing key)
    └── DiskError              this machine's own disk cannot: never a question's failure

    Reply.error (a value)      one question got no usable reply: the record's outcome is `failed`,
                               the run goes on, and `penchant reask` asks it again

A reply that cannot be parsed is not an error at all: its outcome is `invalid`.
"""

__all__ = ["DiskError", "PenchantError", "ServiceError", "UsageError"]


class PenchantError(Exception):
    """Ends the command or the run. Its text is one line for a person."""


class UsageError(PenchantError):
    """Unusable input: names the value, what was allowed and where it stood."""


class ServiceError(PenchantError):
    """A provider, pool or server that every further question would fail on."""


class DiskError(PenchantError):
    """A local file that the run needs cannot be read or written. What was written is kept."""
