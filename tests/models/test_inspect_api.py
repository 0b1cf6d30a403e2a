"""Where this project meets Inspect's own parts."""

import pytest
from rich.text import Text

from harness.models.inspect_api import PrerequisiteError


@pytest.mark.parametrize("message", ["x: no endpoint; add [[x.endpoints]]", "orders='[/b]'", "a"])
def test_an_error_shows_as_it_was_written(message: str) -> None:
    """Inspect prints it as rich markup; brackets are not taken for tags."""
    error = PrerequisiteError(message)
    assert Text.from_markup(f"\n{error.message}\n").plain.strip() == message
    assert str(error) == message
