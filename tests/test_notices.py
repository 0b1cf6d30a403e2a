"""Lines for a person are text, whatever stands in them."""

import sys

import pytest
from rich.console import Console

from harness.dispatcher.book_file import EndpointState, Snapshot
from harness.dispatcher.ledger import Account
from harness.dispatcher.live import History, table
from harness.models.inspect_api import PrerequisiteError
from harness.notices import say

WORDS = ("[/b] no such tag", "[red]x[/red]", "[/…]", "[[x.endpoints]]", "[link=file:///x]y[/link]")


@pytest.mark.parametrize("words", WORDS)
def test_nothing_from_outside_is_markup(
    words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Brackets in a server's words and in names are shown as they are."""
    # Whatever display an eval before this one had set.
    monkeypatch.setattr("harness.notices.display_type", lambda: "plain")
    say(f"endpoint e is out: {words}")
    assert words in capsys.readouterr().err
    history = History()
    state = EndpointState(words, 0, 1, "closed", 1.0, {}, Account())
    history.add(Snapshot(t=0.0, pool=words, waiting=0, endpoints=(state,)))
    console = Console(width=200, record=True)
    console.print(table(history))
    assert console.export_text().count(words) == 2


def test_an_error_is_one_line_on_stderr_under_display_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ends a run is said once whatever the display; under others Inspect itself says it."""
    monkeypatch.setattr("sys.excepthook", lambda *_: None)
    error = PrerequisiteError("first [/b]\nsecond")
    for display, lines in (("none", 1), ("plain", 0), ("full", 0)):
        monkeypatch.setattr("harness.notices.display_type", lambda display=display: display)
        sys.excepthook(type(error), error, None)
        said = capsys.readouterr()
        assert said.err.count("\n") == lines and not said.out
        assert lines == 0 or "first [/b] second" in said.err
