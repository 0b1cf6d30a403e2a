"""A column of any table as one number an item: nothing pooled or dropped silently."""

import math

import numpy as np
import polars as pl
import pytest

from harness.errors import UsageError
from steering_server.capture.columns import Column, read_values


def written(folder, name, **columns):
    table = pl.DataFrame(columns, strict=False)
    path = folder / name
    {
        ".csv": table.write_csv,
        ".parquet": table.write_parquet,
        ".jsonl": table.write_ndjson,
    }[path.suffix](path)
    return path


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_utilities_come_with_their_errors(tmp_path, ending):
    """Value and `se` by item from every form; a row without a number is counted, not used."""
    path = written(
        tmp_path, f"u.{ending}", item=["a", "b", "c"], utility=[1.5, -0.5, None], se=[0.1, 0.2, 0.3]
    )
    values = read_values(path, Column("utility"))
    assert values.of == {"a": 1.5, "b": -0.5} and values.error == {"a": 0.1, "b": 0.2}
    assert (values.rows, values.empty, values.binary) == (3, 1, False)
    assert values.aligned(["c", "b", "x", "a"]) == [1, 3]


def test_repeats_of_an_item_are_averaged_and_give_the_error(tmp_path):
    """The mean, and the pooled spread within items over √rows."""
    rng = np.random.default_rng(0)
    items = [f"i{n}" for n in range(50) for _ in range(4)]
    values = rng.standard_normal(200)
    path = written(tmp_path, "r.csv", item=items, normalised=values.tolist())
    found = read_values(path, Column("normalised"))
    table = values.reshape(50, 4)
    spread = math.sqrt(table.var(axis=1, ddof=1).mean() / 4)
    assert found.of["i7"] == pytest.approx(table[7].mean())
    assert found.error["i7"] == pytest.approx(spread)


def test_rows_are_chosen_not_pooled(tmp_path):
    """Two wordings under one item are an error that names them; --where chooses."""
    path = written(
        tmp_path,
        "r.csv",
        item=["a", "a", "b", "b"],
        template=["t1", "t2", "t1", "t2"],
        value=[1, 5, 2, 4],
        completion_refused=[True, True, False, False],
    )
    with pytest.raises(UsageError, match=r"template \(t1, t2\).*--where"):
        read_values(path, Column("value"))
    found = read_values(path, Column("value", where={"template": "t2"}))
    assert found.of == {"a": 5, "b": 4}
    refused = read_values(path, Column("completion_refused", where={"template": "t1"}))
    assert refused.binary and refused.of == {"a": 1, "b": 0}


def test_text_needs_a_value_and_is_compared_with_it(tmp_path):
    """`outcome` alone is an error that says how; equal to a value it is 0 or 1."""
    path = written(tmp_path, "r.csv", item=["a", "b"], outcome=["refused", "answered"])
    with pytest.raises(UsageError, match=r"answered, refused.*outcome=VALUE"):
        read_values(path, Column("outcome"))
    found = read_values(path, Column("outcome", equals="refused"))
    assert found.of == {"a": 1, "b": 0} and found.binary
    with pytest.raises(UsageError, match=r"never is 'refusd'"):
        read_values(path, Column("outcome", equals="refusd"))


def test_what_is_missing_is_named(tmp_path):
    """A column, the item column, a number, the file, its form."""
    path = written(tmp_path, "u.csv", item=["a"], utility=[None])
    for asked, named in ((Column("utilty"), "utilty"), (Column("utility"), "none of 1 rows")):
        with pytest.raises(UsageError, match=named):
            read_values(path, asked)
    with pytest.raises(UsageError, match="'item'"):
        read_values(written(tmp_path, "w.csv", task=["a"], utility=[1]), Column("utility"))
    for name in ("none.csv", "u.xlsx"):
        with pytest.raises(UsageError, match=name):
            read_values(tmp_path / name, Column("utility"))
