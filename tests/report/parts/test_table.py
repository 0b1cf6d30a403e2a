"""Tables as they are written."""

import math

from harness.report.parts.table import Column, Table
from harness.stats.intervals import Estimate


def test_numbers_and_words_among_estimates_are_written() -> None:
    """In the file as in the page: a count or a text beside intervals is not an empty cell."""
    mean = Estimate(estimate=0.5, low=0.25, high=0.75, n=12)
    table = Table(
        name="t",
        title="T",
        columns=(Column("measured", "measured"),),
        rows=[{"measured": one} for one in (mean, 12, 1.25, "none asked", None, math.nan)],
    )
    written = table.frame()
    assert written["measured"].to_list() == [0.5, 12.0, 1.25, None, None, None]
    assert written["measured_low"].to_list() == [0.25, None, None, None, None, None]
    assert written["measured_n"].to_list() == [12, 0, 0, 0, 0, 0]
    assert written["measured_note"].to_list() == ["", "", "", "none asked", "", ""]
