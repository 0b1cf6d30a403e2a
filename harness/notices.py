"""Lines for the person at the terminal, beside Inspect's own display."""

import sys

from inspect_ai.util import display_type
from rich.text import Text

from harness.screen import Console

__all__ = ["say"]


def say(line: str) -> None:
    """Print one line on stderr, marked as ours; nothing under `--display none`."""
    if display_type() == "none":
        return
    # As text: a line may quote a server, and nothing from outside is ever markup.
    Console(stderr=True, file=sys.stderr, highlight=False, soft_wrap=True).print(
        Text.assemble(("penchant", "bold"), f" {line}")
    )
