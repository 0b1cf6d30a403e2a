"""Laws of how numbers and names are shown."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.names import short, slugs
from harness.report.parts.table import markdown_text
from harness.report.parts.wording import number, shown, wrapped
from harness.stats.intervals import Estimate

LAW = settings(deadline=None, max_examples=60)


@LAW
@given(st.text(), st.integers(8, 60))
def test_short_is_one_line_and_no_longer(text: str, length: int) -> None:
    """A shortened name has no line break and at most the length asked for."""
    line = short(text, length)
    assert len(line) <= length
    assert len(line.splitlines()) <= 1


@LAW
@given(st.text(), st.integers(10, 40), st.integers(1, 3))
def test_wrapped_keeps_to_its_lines(text: str, width: int, lines: int) -> None:
    """A label takes at most so many lines of that width."""
    parts = wrapped(text, width, lines).split("\n")
    assert len(parts) <= lines
    assert all(len(part) <= width for part in parts)


@LAW
@given(st.lists(st.text(), max_size=12))
def test_slugs_never_collide(names: list[str]) -> None:
    """Different names have different slugs, of letters, digits and underscores alone."""
    found = slugs(names)
    assert set(found) == set(names)
    assert len(set(found.values())) == len(found)
    assert all(slug.isascii() and slug.replace("_", "a").isalnum() for slug in found.values())


@LAW
@given(st.text())
def test_markdown_text_is_no_markup(text: str) -> None:
    """In Markdown a name opens no tag, no cell and no emphasis."""
    line = markdown_text(text)
    assert "<" not in line and "\n" not in line
    bare = line.replace("\\\\", "")
    for mark in "|*_`[":
        assert bare.count(mark) == bare.count(f"\\{mark}")


def test_what_is_not_there_is_a_dash() -> None:
    """NaN and None are shown as a dash, an estimate without interval alone, zero without sign."""
    assert [number(None), number(math.nan), shown(None)] == ["–", "–", "–"]
    assert shown(Estimate(estimate=math.nan, low=0.0, high=1.0)) == "–"
    assert shown(Estimate(estimate=0.5)) == "0.50"
    assert shown(Estimate(estimate=-0.5, low=-1, high=-0.001)) == "−0.50 [−1.00, 0.00]"
    assert shown(0.123, "share") == "12.3%"


def test_long_words_break_at_their_marks() -> None:
    """A template's or a model's name is broken where it has a mark, not within a part."""
    assert wrapped("compressed_anchors_1_5", 16, 3) == "compressed_\nanchors_1_5"
    assert wrapped("sim/faithful@fourth", 16, 3) == "sim/faithful@\nfourth"
    assert wrapped("r with anchored_precise_1_5", 24, 3) == "r with\nanchored_precise_1_5"
    assert wrapped("abcdefghijklmnopqrstuvwxyz", 10, 3) == "abcdefghij\nklmnopqrst\nuvwxyz"


def test_a_small_p_is_not_shown_as_nothing() -> None:
    """Two digits that say something, and a bound below a thousandth; whole numbers stay whole."""
    assert [shown(p, "p") for p in (0.0, 0.00099, 0.0042, 0.049, 0.5, 1.0, math.nan)] == [
        "<0.001", "<0.001", "0.0042", "0.049", "0.5", "1", "–",
    ]  # fmt: skip
    assert (shown(12), shown(1.5)) == ("12", "1.50")
