"""What was written before judgements, `drawn` and `asked`: read as it was, and made as it was.

`before/` holds one log of each eval that CI runs, their record table and two journals, as written
by the commit before the rooms (sim/rambler, two items an origin, blocks of five).
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import polars as pl
import pytest
from inspect_ai.log import EvalLog

from harness.measuring.journal import Entries
from harness.records.files import read_table
from harness.records.kept import Completion
from harness.records.logs import _added, read_records
from harness.records.record import Record
from harness.wire import Reply

BEFORE = Path(__file__).parent / "before"
TABLE = pl.read_parquet(BEFORE / "records.parquet")
OF_THE_RUN = {"log", "latency"}
COMPARED = [name for name in TABLE.columns if name not in OF_THE_RUN]
KEY = ["template", "sample_id", "prompt_hash", "repeat", "item", "item_first", "item_second"]
FILES = {
    "anchored": ("anchored_1_5", "anchored_precise_1_5", "compressed_anchors_1_5"),
    "scales": (
        "stated_1_5",
        "ban_four_1_5",
        "random_scale_27_32",
        "bipolar_neg5_pos5",
        "percentile_1_100",
    ),
    "fruit": ("fruit_rating", "fruit_rating_bare", "fruit_qualitative"),
    "likert": (
        "likert_agreement",
        "likert_qualitative",
        "qualitative_binary",
        "qualitative_ternary",
    ),
    "rating": ("rating",),
    "pairwise": ("pairwise",),
    "utilities": ("utilities",),
}
ADAPTIVE = {"utilities"}
TASKS = [(file, task) for file, tasks in FILES.items() for task in tasks]


def comparable(table: pl.DataFrame) -> pl.DataFrame:
    """The columns there were, but those of one run alone, in an order of the content."""
    return table.select(COMPARED).sort(KEY, nulls_last=True)


def rows_before(task: str) -> pl.DataFrame:
    """The table's rows of one task; of a campaign those of its first batch, since what it asks
    then is for the fit to say, and the fit has changed since."""
    rows = TABLE.filter(pl.col("log").str.contains(f"_{task.replace('_', '-')}_"))
    return (
        rows.filter(pl.col("sample_id").str.starts_with("initial-")) if task in ADAPTIVE else rows
    )


def test_logs_of_before_give_the_table_of_before() -> None:
    """Reading them today gives every column as it was."""
    read = read_records(sorted(BEFORE.glob("*.eval")), cache=False)
    assert comparable(read.frame).equals(comparable(TABLE))


def test_old_campaigns_say_how_their_pairs_were_drawn() -> None:
    """Before the column, the sample's id said it: from logs as from tables."""
    logs = read_records(sorted(BEFORE.glob("*_utilities_*.eval")), cache=False).frame
    told = dict(logs.group_by("drawn").len().iter_rows())
    assert set(told) == {"initial", "reserve", "selected"}
    table = read_table(BEFORE / "records.parquet")
    again = dict(table.filter(pl.col("drawn").is_not_null()).group_by("drawn").len().iter_rows())
    assert again == told


def test_journals_of_before_are_read(tmp_path: Path) -> None:
    """Replies and completions, each a key's."""
    folder = Path(shutil.copytree(BEFORE / "journal", tmp_path / "journal"))
    shared = next(folder.glob("completions-*.jsonl"))
    completions = Entries(shared, Completion)
    own = next(path for path in folder.glob("*.jsonl") if path != shared)
    replies = Entries(own, Reply)
    try:
        assert len(completions) == 10
        assert len(replies) == 10
        assert all(reply.asked for reply in replies.values())
    finally:
        completions.close()
        replies.close()


@pytest.mark.parametrize(("file", "task"), TASKS, ids=[task for _, task in TASKS])
def test_an_eval_gives_the_records_of_before(
    run_eval: Callable[..., EvalLog], file: str, task: str
) -> None:
    """The same run today, through log and reader, gives the same rows."""
    log = run_eval(f"{file}.py@{task}", "sim/rambler", task_args={"per_origin": 2, "block": 5})
    assert log.status == "success"
    made = read_records([log.location.removeprefix("file://")], cache=False).frame
    if task in ADAPTIVE:
        made = made.filter(pl.col("drawn") == "initial")
    assert made.height == rows_before(task).height > 0
    assert comparable(made).equals(comparable(rows_before(task)))


def test_steered_records_of_before_were_made_by_adding(tmp_path: Path) -> None:
    """Without the column `operation`, in tables as in logs, a vector was added; none is none."""
    frame = TABLE.head(2).with_columns(vector=pl.Series(["math", None]))
    assert "operation" not in frame.columns
    frame.write_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet")["operation"].to_list() == ["add", None]
    [log] = sorted(BEFORE.glob("*_pairwise_*.eval"))
    for name, done in (("x", "add"), (None, None)):
        rows = read_records([log], cache=False).frame
        record = msgspec.convert(
            {k: v for k, v in rows.row(0, named=True).items() if k != "probabilities"}, Record
        )
        assert _added(msgspec.structs.replace(record, vector=name)).operation == done
