"""Numbers in tables of others."""

import polars as pl

from harness.records.sheet import as_number


def test_a_number_that_can_be_read_in_two_ways_is_none() -> None:
    """`1,000` is a thousand to some and one to others: it is refused, never guessed. A decimal
    comma that can be nothing else is one."""
    read = {
        "1,000": None, "12,345": None, "-1,234,567": None, "1,0000": 1.0, "0,500": 0.5,
        "1000,250": 1000.25, "3,5": 3.5, "1.5": 1.5, "1000": 1000.0, "x": None, ",5": 0.5,
    }  # fmt: skip
    assert as_number(pl.Series(list(read), dtype=pl.String)).to_list() == list(read.values())
    assert as_number(pl.Series([None, "2"], dtype=pl.String)).to_list() == [None, 2.0]
