"""The directory that the user's relative paths are meant against.

Inspect loads a task file from inside that file's folder, so the working directory at that moment
is not the shell's. Entry points are imported before any task file, when it still is.
"""

import os
import stat
from pathlib import Path

__all__ = ["SHELL_DIRECTORY", "file_mode", "keep_private", "resolve"]

SHELL_DIRECTORY = Path.cwd()


def resolve(path: str | Path) -> Path:
    """`path` as an absolute path, against the directory that the command was started in."""
    return SHELL_DIRECTORY / Path(path).expanduser()


def file_mode(folder: Path) -> int:
    """A new file of answers has mode 0600, or 0640 where its folder is group-readable."""
    return 0o640 if folder.stat().st_mode & stat.S_IRGRP else 0o600


def keep_private(file: Path) -> None:
    """Make a file of that mode before anything is in it; one that is there stays as it is."""
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT, file_mode(file.parent)))
