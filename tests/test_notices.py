"""Lines for a person are text, whatever stands in them."""

import pytest
from rich.console import Console

from harness.dispatcher.book_file import EndpointState, Snapshot
from harness.dispatcher.ledger import Account
from harness.dispatcher.live import History, table
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
