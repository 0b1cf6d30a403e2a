"""The directory that the user's relative paths are meant against.

Inspect loads a task file from inside that file's folder, so the working directory at that moment
is not the shell's. Entry points are imported before any task file, when it still is.
"""

from pathlib import Path

__all__ = ["SHELL_DIRECTORY", "resolve"]

SHELL_DIRECTORY = Path.cwd()


def resolve(path: str | Path) -> Path:
    """`path` as an absolute path, against the directory that the command was started in."""
    return SHELL_DIRECTORY / Path(path).expanduser()
