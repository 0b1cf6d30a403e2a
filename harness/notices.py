"""Lines for the person at the terminal, beside Inspect's own display."""

import sys

from inspect_ai.util import display_type
from rich.text import Text

from harness.screen import Console

__all__ = ["fault", "say"]


def say(line: str) -> None:
    """Print one line on stderr, marked as ours; nothing under `--display none`."""
    if display_type() != "none":
        _line(line)


def fault(line: str) -> None:
    """Print why a run ended, where `--display none` keeps Inspect from showing it."""
    if display_type() == "none":
        _line(line)


def _line(line: str) -> None:
    # As text: a line may quote a server, and nothing from outside is ever markup.
    Console(stderr=True, file=sys.stderr, highlight=False, soft_wrap=True).print(
        Text.assemble(("penchant", "bold"), f" {line}")
    )
