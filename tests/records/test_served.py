"""A cell that several endpoints served is told from one that a single one did."""

from collections.abc import Callable

import numpy as np
import polars as pl

from harness.records.logs import LogRecords
from harness.records.served import served_by, served_notes

RatingTable = Callable[..., pl.DataFrame]


def test_several_endpoints_are_named_with_their_shares(rating_table: RatingTable) -> None:
    """The most frequent first; records without an endpoint count for nothing."""
    one = rating_table(np.full((6, 2), 3.0), endpoint="or:DeepInfra")
    other = rating_table(np.full((2, 2), 4.0), endpoint="or:Together")
    untold = rating_table(np.full((9, 1), 4.0))
    mixed = pl.concat([one, other, untold])
    wanted = "answers of 2 endpoints (or:DeepInfra 75%, or:Together 25%)"
    assert served_by(mixed) == wanted
    [line] = served_notes(mixed)
    assert line.startswith(f"sim/a, anchored_1_5: {wanted}")
    assert LogRecords(frame=mixed).notes() == [line]


def test_cells_of_one_endpoint_each_are_silent(rating_table: RatingTable) -> None:
    """Two raters at two places are two cells, not a mixture."""
    one = rating_table(np.full((3, 2), 3.0), endpoint="a", rater="x/a")
    other = rating_table(np.full((3, 2), 4.0), endpoint="b", rater="x/b")
    assert served_notes(pl.concat([one, other])) == []
    assert served_by(one.drop("endpoint")) == ""
