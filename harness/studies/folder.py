"""A study's folder: the frozen design beside the logs and the report."""

from pathlib import Path
from typing import Any

import msgspec

from harness.errors import UsageError

__all__ = ["Frozen", "freeze", "read_frozen"]

_FILE = "study.json"


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided before the first call: the study, all its parameters, in how many parts."""

    study: str
    parameters: dict[str, Any]
    rehearsal: bool = False
    processes: int = 1
    version: int = 1


def freeze(frozen: Frozen, folder: Path) -> None:
    """Write the design into its folder, or check that the one there is the same.

    UsageError names the first parameter that differs: logs of two designs in one folder would be
    read as one.
    """
    path = folder / _FILE
    if path.is_file():
        before = read_frozen(folder)
        _require_same(before, frozen, folder)
        return
    folder.mkdir(parents=True, exist_ok=True)
    encoded = msgspec.json.format(msgspec.json.encode(frozen), indent=2)
    draft = path.with_suffix(".tmp")
    draft.write_bytes(encoded + b"\n")
    draft.replace(path)


def read_frozen(folder: Path) -> Frozen:
    """The design of a folder; UsageError where there is none."""
    path = folder / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Frozen)
    except OSError:
        raise UsageError(f"no {_FILE} in {str(folder)!r}; expected the folder of a study") from None
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: {error}") from None


def _require_same(before: Frozen, now: Frozen, folder: Path) -> None:
    if before.study != now.study:
        raise UsageError(f"{folder} is of the study {before.study}; give another folder with -o")
    if before.processes != now.processes:
        raise UsageError(
            f"{folder} is run in {before.processes} processes, this one says {now.processes}; "
            f"resume it with --processes {before.processes}, or give another folder with -o"
        )
    written = msgspec.json.decode(msgspec.json.encode(now), type=Frozen)
    for name, value in written.parameters.items():
        if before.parameters.get(name) != value:
            raise UsageError(
                f"{folder} holds a run with {name}={before.parameters.get(name)!r}, this one says "
                f"{value!r}; give another folder with -o"
            )
