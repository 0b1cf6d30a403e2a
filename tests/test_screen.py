"""Nothing that others wrote steers a terminal."""

import io

import pytest
from rich.table import Table
from rich.text import Text

from harness.models.inspect_api import PrerequisiteError
from harness.notices import say
from harness.screen import Console, echo, visible

CONTROLS = [chr(n) for n in (*range(32), *range(0x7F, 0xA0)) if chr(n) not in "\t\n"]
CONTROLS += list("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
OUTSIDE = "a" + "b".join(CONTROLS) + "c"


def _clean(text: str) -> bool:
    return not any(control in text for control in CONTROLS)


def test_no_control_character_is_left_and_the_rest_is_kept() -> None:
    """C0, DEL, C1 and bidi controls are replaced; tabs, line feeds and all letters stay."""
    assert _clean(visible(OUTSIDE))
    kept = "\tx\ny é 日本 עברית 👩‍🔬"
    assert visible(kept) == kept


def test_no_way_to_the_terminal_lets_one_through(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines, notices, tables (cells, titles, captions, headings) and run errors are clean."""
    monkeypatch.setattr("harness.notices.display_type", lambda: "plain")
    echo(OUTSIDE)
    echo(OUTSIDE, err=True)
    say(OUTSIDE)
    written = capsys.readouterr()
    assert written.out and _clean(written.out) and _clean(written.err)
    table = Table(OUTSIDE, title=Text(OUTSIDE), caption=Text(OUTSIDE))
    table.add_row(Text(OUTSIDE))
    console = Console(file=io.StringIO(), width=200)
    console.print(table)
    console.print(OUTSIDE)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\ufffd" in shown and _clean(shown)
    assert _clean(str(PrerequisiteError(OUTSIDE).message))


def test_colours_still_reach_the_terminal() -> None:
    """Rich's own escapes are not taken for someone else's."""
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(Text("x", "bold red"))
    assert "\x1b[" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_table_that_no_screen_shows_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Piped or written to a file it is as wide as it needs; a width that is asked for stands."""
    monkeypatch.delenv("COLUMNS", raising=False)
    table = Table(*"abcdefgh")
    table.add_row(*8 * ["0123456789abcdef"])
    wide, narrow = io.StringIO(), io.StringIO()
    Console(file=wide).print(table)
    Console(file=narrow, width=60).print(table)
    assert wide.getvalue().count("0123456789abcdef") == 8
    assert "0123456789abcdef" not in narrow.getvalue()
    monkeypatch.setenv("COLUMNS", "60")
    asked = io.StringIO()
    Console(file=asked).print(table)
    assert "0123456789abcdef" not in asked.getvalue()
