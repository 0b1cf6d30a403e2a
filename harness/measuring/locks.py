"""One process at a time for a task and for an eval-set: a lock that is gone with its holder.

The lock is the operating system's (`flock`) on a file in the journals' folder, so a kill leaves
nothing behind. The file says who holds it, for the line that the second one gets. Different runs
share a folder as ever.
"""

import fcntl
import os
import socket
import time
from pathlib import Path

import msgspec

from harness.errors import DiskError, UsageError

__all__ = ["Holder", "held_elsewhere", "hold", "lock_path", "release"]


class Holder(msgspec.Struct, frozen=True):
    """Who holds a lock; `since` is local time."""

    pid: int
    host: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


_held: dict[Path, int] = {}
"""Open files of the locks that this process holds, by path."""


def lock_path(directory: Path, kind: str, name: str) -> Path:
    """Where the lock of an eval-set or a task lies; `kind` is one of these words."""
    return (directory / f"{kind}-{name}.lock").absolute()


def hold(path: Path, *, what: str) -> None:
    """Take the lock, or keep it where this process has it already.

    UsageError that names who holds it; DiskError where the file cannot be made. On a file system
    that knows no locks nothing is locked.
    """
    if path in _held:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise DiskError(f"{path} cannot be made ({error.strerror})") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise UsageError(
            f"{what} is run by {_holder(path)} already; wait for it, or stop it first"
        ) from None
    except OSError:
        os.close(file)
        return
    holder = Holder(os.getpid(), socket.gethostname(), time.strftime("%Y-%m-%d %H:%M:%S"))
    os.ftruncate(file, 0)
    os.write(file, msgspec.json.encode(holder))
    _held[path] = file


def release(path: Path) -> None:
    """Give the lock back, where this process holds it."""
    file = _held.pop(path, None)
    if file is not None:
        os.close(file)


def held_elsewhere(path: Path) -> str | None:
    """Who else holds the lock; None where it is free, or held by this process."""
    if path in _held:
        return None
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(path)
    except OSError:
        return None
    finally:
        os.close(file)
    return None


def _holder(path: Path) -> str:
    try:
        return str(msgspec.json.decode(path.read_bytes(), type=Holder))
    except (OSError, msgspec.MsgspecError):
        return "another process"
