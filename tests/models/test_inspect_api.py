"""Where this project meets Inspect's own parts."""

import sys

import pytest
from rich.text import Text

from harness.models.inspect_api import PrerequisiteError


@pytest.mark.parametrize("message", ["x: no endpoint; add [[x.endpoints]]", "orders='[/b]'", "a"])
def test_an_error_shows_as_it_was_written(message: str) -> None:
    """Inspect prints it as rich markup; brackets are not taken for tags."""
    error = PrerequisiteError(message)
    assert Text.from_markup(f"\n{error.message}\n").plain.strip() == message
    assert str(error) == message


def test_errors_are_shown_once_however_many_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first takes the place of the hook of before, and the next leave it there."""
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    PrerequisiteError("one")
    shown = sys.excepthook
    assert shown is not sys.__excepthook__
    PrerequisiteError("two")
    assert sys.excepthook is shown
