"""The terminal: what others wrote is shown there as text and steers nothing.

Control characters (C0, C1, DEL) can move the cursor, rename the window or fill the clipboard;
bidirectional controls (Unicode's property Bidi_Control) can show a text in another order than it
has. Each is shown as U+FFFD, one cell wide; tabs and line feeds stay.
"""

import os
import re
from collections.abc import Iterable
from typing import Any

import click
import rich.console
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment

__all__ = ["Console", "echo", "visible"]

_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)


def visible(text: str) -> str:
    """The text with U+FFFD for every control character but tab and line feed."""
    return _CONTROLS.sub("\ufffd", text.replace("\r\n", "\n"))


_PIPED = 200
"""Columns of what no screen shows: a table in a file or a pipe is not cut to fit."""


class Console(rich.console.Console):
    """Rich's console; whatever text is rendered on it is made visible first."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if not (self.is_terminal or "width" in options or "COLUMNS" in os.environ):
            self.width = _PIPED

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Rich's own control segments (cursor, live views) pass; texts hold no controls."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else visible(text), style, control)


def echo(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Write a line, as `click.echo` does, with no control characters in it."""
    click.echo(visible(text), err=err, nl=nl)
