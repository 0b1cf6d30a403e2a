"""Lines for the person at the terminal, beside Inspect's own display."""

import sys

from inspect_ai.util import display_type
from rich.console import Console

__all__ = ["say"]


def say(line: str) -> None:
    """Print one line on stderr, marked as ours; nothing under `--display none`."""
    if display_type() == "none":
        return
    Console(stderr=True, file=sys.stderr, highlight=False, soft_wrap=True).print(
        f"[bold]penchant[/bold] {line}"
    )
