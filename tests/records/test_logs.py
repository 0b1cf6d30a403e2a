"""Laws of reading logs."""

import io
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from click.testing import CliRunner
from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalError,
    EvalLog,
    EvalResults,
    EvalSample,
    EvalSpec,
    read_eval_log,
    write_eval_log,
)
from inspect_ai.scorer import Score

from harness.cli.main import cli
from harness.errors import UsageError
from harness.records.log_cache import LogCache
from harness.records.logs import find_logs, read_records
from harness.records.record import SCHEMA, Record

WriteLog = Callable[..., Path]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENCHANT_CACHE", str(tmp_path / "cache"))


def rating(item: str, *, repeat: int = 0, value: float | None = 3.0, **fields: Any) -> Record:
    """A rating of `item`, answered unless `value` is None."""
    return Record(
        kind="rating",
        template="stated_1_5",
        template_hash="h",
        prompt_hash="p",
        timing="post",
        response="plain",
        readout="sample",
        labels="1,2,3,4,5",
        rater="sim/faithful",
        outcome="invalid" if value is None else "answered",
        item=item,
        origin="math",
        repeat=repeat,
        value=value,
        **fields,
    )


def sample(
    name: str | int, records: Sequence[Record], *, epoch: int = 1, scorer: str = "scorers/rating"
) -> EvalSample:
    """A sample whose score carries `records`."""
    plain = [msgspec.to_builtins(record) for record in records]
    return EvalSample(
        id=name,
        epoch=epoch,
        input="as asked " * 50,
        target="",
        scores={scorer: Score(value=1.0, metadata={"records": plain})},
    )


def write(
    path: Path,
    samples: Sequence[EvalSample],
    *,
    task_id: str = "T",
    created: str = "2026-01-01T10:00:00+00:00",
    status: str = "success",
    expected: int | None = None,
) -> Path:
    """An Inspect log at `path`, by Inspect itself."""
    total = expected or len(samples)
    log = EvalLog(
        status=status,
        eval=EvalSpec(
            eval_id="E",
            run_id="R",
            created=created,
            task="rating",
            task_id=task_id,
            model="sim/faithful",
            dataset=EvalDataset(samples=total, sample_ids=list(range(total))),
            config=EvalConfig(epochs=1),
        ),
        results=EvalResults(total_samples=total) if status == "success" else None,
        samples=list(samples),
    )
    write_eval_log(log, str(path))
    return path


def forty(path: Path, **fields: Any) -> Path:
    """A log of 40 samples with two records each."""
    samples = [
        sample(index, [rating(f"i{index}", repeat=repeat) for repeat in range(2)])
        for index in range(40)
    ]
    return write(path, samples, **fields)


@pytest.mark.parametrize("suffix", [".eval", ".json"])
def test_records_are_those_that_inspect_reads(tmp_path: Path, suffix: str) -> None:
    """The reader finds the same records as Inspect's own, in the same order."""
    path = forty(tmp_path / f"log{suffix}")
    theirs = [
        record["item"]
        for one in read_eval_log(str(path)).samples or []
        for record in (one.scores or {})["scorers/rating"].metadata["records"]  # type: ignore[index]
    ]
    read = read_records([path])
    assert read.frame["item"].to_list() == theirs
    assert read.frame.schema == pl.Schema(SCHEMA)
    assert (read.logs[0].samples, read.logs[0].note) == (40, "")


def test_answers_that_a_judge_read_are_invalid_on_demand_only(tmp_path: Path) -> None:
    """They have their value unless `rules_only` says otherwise; then they are counted without."""
    rows = [rating("a"), rating("b", read_by="judge m")]
    write(tmp_path / "a.eval", [sample(0, rows)])
    columns = ("item", "outcome", "value", "read_by")
    assert read_records([tmp_path]).frame.select(columns).rows() == [
        ("a", "answered", 3.0, None),
        ("b", "answered", 3.0, "judge m"),
    ]
    assert read_records([tmp_path], rules_only=True).frame.select(columns).rows() == [
        ("a", "answered", 3.0, None),
        ("b", "invalid", None, None),
    ]


def test_a_bar_is_shown_to_a_person_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal, where it is asked for; nothing of it in a file."""
    forty(tmp_path / "a.eval")
    for terminal, progress in ((False, True), (True, False), (True, True)):
        for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
            monkeypatch.setenv(name, "1") if terminal else monkeypatch.delenv(name, raising=False)
        read_records([tmp_path], progress=progress)
        assert ("Reading 1 logs" in capsys.readouterr().err) == (terminal and progress)


def test_a_smaller_newer_run_lacks_nothing(tmp_path: Path) -> None:
    """A task begun with more samples than its newest log is to have lacks none, and says so."""
    forty(tmp_path / "a.eval", created="2026-01-01T10:00:00+00:00")
    first = [sample(0, [rating("i0")])]
    fields: dict[str, Any] = {"created": "2026-01-01T11:00:00+00:00", "status": "cancelled"}
    write(tmp_path / "b.eval", first, expected=2, **fields)
    newest = read_records([tmp_path]).logs[-1]
    assert (newest.samples, newest.unreadable) == (1, 0)
    assert "missing" not in newest.note


def test_block_size_does_not_change_the_records(tmp_path: Path) -> None:
    """The same measurements in samples of one or of five make the same rows."""
    records = [rating(f"i{index:02}", value=float(index % 5)) for index in range(20)]
    ones = write(tmp_path / "ones.eval", [sample(f"{i:02}", [r]) for i, r in enumerate(records)])
    fives = write(
        tmp_path / "fives.eval",
        [sample(f"{i:02}", records[i : i + 5]) for i in range(0, 20, 5)],
    )
    columns = [name for name in SCHEMA if name not in ("log", "sample_id")]
    left, right = (read_records([path]).frame.select(columns) for path in (ones, fives))
    assert left.equals(right)


def test_every_epoch_counts(tmp_path: Path) -> None:
    """A sample's epochs are measurements of their own, named `id:epoch`."""
    samples = [sample("a", [rating("a", repeat=e - 1)], epoch=e) for e in (1, 2, 3)]
    frame = read_records([write(tmp_path / "log.eval", samples)]).frame
    assert frame["sample_id"].to_list() == ["a:1", "a:2", "a:3"]


def test_retried_samples_count_once(tmp_path: Path) -> None:
    """Of two logs of one task each sample comes from the newer, the rest from the older."""
    old = [sample(i, [rating(f"i{i}", value=1.0)]) for i in range(4)]
    new = [sample(i, [rating(f"i{i}", value=5.0)]) for i in range(2, 6)]
    write(tmp_path / "z.eval", old, created="2026-01-01T10:00:00+00:00", status="error")
    write(tmp_path / "a.eval", new, created="2026-01-01T11:00:00+00:00")
    read = read_records([tmp_path])
    assert read.frame.sort("item")["value"].to_list() == [1, 1, 5, 5, 5, 5]
    assert {log.path[-6:]: log.superseded for log in read.logs} == {"a.eval": 0, "z.eval": 2}
    assert "2 samples superseded" in read.notes()[0]
    assert set(read.frame["log"]) == {str(tmp_path / "a.eval")}


def test_what_a_retry_brought_is_not_missing(tmp_path: Path) -> None:
    """Missing and errored samples of a killed run are not counted once its retry has them."""
    failed = EvalSample(id=1, epoch=1, input="", target="", error=_error())
    write(tmp_path / "a.eval", [sample(0, [rating("i0")]), failed], status="started", expected=3)
    killed = read_records([tmp_path]).logs[0]
    assert (killed.unreadable, killed.errored) == (1, 1)
    retried = [sample(index, [rating(f"i{index}")]) for index in range(3)]
    write(tmp_path / "b.eval", retried, created="2026-01-02T10:00:00+00:00")
    read = read_records([tmp_path])
    assert [(log.unreadable, log.errored, log.superseded) for log in read.logs] == [
        (0, 0, 2),
        (0, 0, 0),
    ]
    assert read.frame.height == 3


def test_an_errored_retry_does_not_hide_what_was_measured(tmp_path: Path) -> None:
    """A newer sample without records leaves an older one with records in place."""
    failed = EvalSample(id=0, epoch=1, input="", target="", error=_error())
    write(tmp_path / "a.eval", [sample(0, [rating("i0")])])
    write(tmp_path / "b.eval", [failed], created="2026-01-02T10:00:00+00:00", status="error")
    read = read_records([tmp_path])
    assert read.frame.height == 1
    assert [log.errored for log in read.logs] == [0, 1]


def test_tasks_of_their_own_are_not_retries(tmp_path: Path) -> None:
    """Logs with different task ids never supersede each other."""
    for name in ("a", "b"):
        forty(tmp_path / f"{name}.eval", task_id=name)
    assert read_records([tmp_path]).frame.height == 160


def test_a_log_named_twice_is_read_once(tmp_path: Path) -> None:
    """A file, and a folder that holds it, give its rows once."""
    path = forty(tmp_path / "log.eval")
    assert find_logs([path, tmp_path, path]) == [path]


@pytest.mark.parametrize("suffix", [".eval", ".json"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.999])
def test_a_log_cut_short_gives_its_whole_samples(tmp_path: Path, suffix: str, share: float) -> None:
    """Whole samples before the cut are read, and read samples plus lost ones are all of them."""
    path = forty(tmp_path / f"log{suffix}")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    read = read_records([path])
    info = read.logs[0]
    assert 0 < info.samples <= 40
    assert read.frame.height == 2 * info.samples
    assert info.samples + info.unreadable == 40 or (info.samples == 40 and info.unreadable == 0)
    assert "cut short" in info.note


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_streamed_zip_is_read_to_its_cut(tmp_path: Path, share: float) -> None:
    """Members whose sizes stand behind them (a zip written as a stream) are found as well."""
    path = forty(tmp_path / "log.eval")
    streamed = _Stream()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(streamed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    data = streamed.getvalue()
    path.write_bytes(data[: int(data.rfind(b"PK\x01\x02") * share)])
    info = read_records([path]).logs[0]
    assert info.samples == 40 if share == 1 else 5 < info.samples < 40
    assert "cut short" in info.note


def test_numbers_that_json_does_not_know_are_null(tmp_path: Path) -> None:
    """NaN, which a log may hold, does not cost its sample."""
    path = write(tmp_path / "log.json", [sample(0, [rating("a")])])
    path.write_text(path.read_text().replace('"value": 3.0', '"value": NaN'))
    assert "NaN" in path.read_text()
    assert read_records([path]).frame["value"].to_list() == [None]


def test_a_damaged_sample_is_counted_and_the_rest_read(tmp_path: Path) -> None:
    """One flipped byte inside a sample loses that sample alone."""
    path = forty(tmp_path / "log.eval")
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("samples/7_epoch_1.json").header_offset + 120
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(data)
    info = read_records([path]).logs[0]
    assert (info.samples, info.unreadable) == (39, 1)


def test_a_killed_run_says_what_is_missing(tmp_path: Path) -> None:
    """A log without its end of run counts the samples that it was to have."""
    path = write(tmp_path / "log.eval", [sample(0, [rating("a")])], status="started", expected=9)
    read = read_records([path])
    assert (read.frame.height, read.logs[0].unreadable) == (1, 8)
    assert "run not finished (started): 1 samples read, 8 missing" in read.notes()[0]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.eval", b""),
        ("x.eval", b"hello"),
        ("x.json", b"{}"),
        ("x.json", b'{"a": 1'),
        ("x.json", b"["),
    ],
)
def test_a_file_that_is_no_log_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    """A named file that is no log ends the command with one line that names it."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=f"{name}' is not an Inspect log") as error:
        read_records([tmp_path / name])
    assert "\n" not in str(error.value)


def test_a_zip_that_is_no_log_is_named(tmp_path: Path) -> None:
    """A zip of other things is no log, although it opens."""
    with zipfile.ZipFile(tmp_path / "x.eval", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(UsageError, match="is not an Inspect log"):
        read_records([tmp_path / "x.eval"])


def test_in_a_folder_it_is_noted_and_passed_over(tmp_path: Path) -> None:
    """A bad file in a folder does not keep the good ones from being read."""
    forty(tmp_path / "good.eval")
    (tmp_path / "bad.eval").write_bytes(b"")
    (tmp_path / "other.json").write_text('{"eval-set": 1}')
    read = read_records([tmp_path])
    assert read.frame.height == 80
    assert read.notes() == [f"{tmp_path / 'bad.eval'}: passed over: an empty file"]


@pytest.mark.parametrize(
    "hostile",
    [
        '{"version": 2, "status": ' + "[" * 100_000,
        '{"version": 2, "status": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"version": 2, "status": ' + "9" * 5_000 + "}",
        '{"version": 2, "status": "\\ud800"}',
        '{"version": 2, "status": "\0"}',
        '{"version": NaN, "status": ' + "9" * 5_000 + "}",
    ],
    ids=["deep and open", "deep", "digits", "surrogate", "NUL", "digits beside NaN"],
)
def test_a_hostile_log_keeps_no_other_from_being_read(tmp_path: Path, hostile: str) -> None:
    """Nesting, digits or half characters in one log of a folder: one note, the rest is read."""
    forty(tmp_path / "good.eval")
    (tmp_path / "bad.json").write_text(hostile)
    read = read_records([tmp_path])
    assert read.frame.height == 80
    assert [note.partition(": passed over")[0] for note in read.notes()] == [
        str(tmp_path / "bad.json")
    ]
    assert all("\n" not in note and len(note) < 1000 for note in read.notes())


@pytest.mark.parametrize("what", ["gone", "notes.txt", "empty"])
def test_unusable_paths_are_named(tmp_path: Path, what: str) -> None:
    """A missing path, another kind of file and an empty folder each give one clear line."""
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=what):
        find_logs([tmp_path / what])


def test_other_scorers_records_are_left_alone(tmp_path: Path) -> None:
    """Only the scorers of measurements are read, under any prefix of their name."""
    samples = [
        sample(0, [rating("a")], scorer="rating"),
        sample(1, [rating("b")], scorer="pkg/preference"),
        sample(2, [rating("c")], scorer="refusal"),
    ]
    frame = read_records([write(tmp_path / "log.eval", samples)]).frame
    assert frame["item"].to_list() == ["a", "b"]


def test_a_log_scored_again_counts_once(tmp_path: Path) -> None:
    """One scorer under two names, as two installs write it, gives its records once."""
    one = sample(0, [rating("a", value=1.0)], scorer="rating")
    one.scores |= sample(0, [rating("a", value=2.0)], scorer="scorers/rating").scores  # type: ignore[operator]
    assert read_records([write(tmp_path / "log.eval", [one])]).frame["value"].to_list() == [2.0]


@pytest.mark.parametrize("what", ["text", None, {"kind": "rating"}])
def test_records_that_are_no_list_are_counted(tmp_path: Path, what: object) -> None:
    """A score whose records are something else costs one count, not the log."""
    one = sample(0, [])
    one.scores["scorers/rating"].metadata["records"] = what  # type: ignore[index]
    assert read_records([write(tmp_path / "log.eval", [one])]).logs[0].unusable == 1


def test_records_of_an_unknown_form_are_counted(tmp_path: Path) -> None:
    """An entry that is no record is left out and counted, never guessed."""
    one = sample(0, [rating("a")])
    one.scores["scorers/rating"].metadata["records"].append({"kind": "rating"})  # type: ignore[index]
    read = read_records([write(tmp_path / "log.eval", [one])])
    assert (read.frame.height, read.logs[0].unusable) == (1, 1)


def test_the_cache_is_right_after_a_rewrite_of_equal_size_and_time(tmp_path: Path) -> None:
    """A log rewritten to the same size and modification time is read anew."""
    path = tmp_path / "log.json"
    for value in (1.0, 2.0):
        write(path, [sample(0, [rating("a", value=value)])])
        os.utime(path, (0, 0))
        assert read_records([path]).frame["value"].to_list() == [value]


def test_a_spoilt_cache_entry_is_read_anew(tmp_path: Path) -> None:
    """Half an entry in the cache is as good as none."""
    path = forty(tmp_path / "log.eval")
    first = read_records([path]).frame
    entries = list((tmp_path / "cache" / "logs").iterdir())
    assert len(entries) == 1
    entries[0].write_bytes(entries[0].read_bytes()[:100])
    assert read_records([path]).frame.equals(first)
    assert LogCache(None).get(entries[0].name) is None


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".CSV"])
def test_a_table_reads_back_as_it_was_written(tmp_path: Path, suffix: str) -> None:
    """Records written as a table are the same records when that table is read."""
    records = [
        rating("a\u2028b", value=None, reason='two labels, "1"\nand 2', seed=3),
        rating("<b>", coef=-0.25, seed_honoured=False, probabilities={"1": 0.5, "2": 0.5}),
    ]
    log = write(tmp_path / "logs" / "log.eval", [sample("s", records)])
    table = tmp_path / f"records{suffix}"
    result = CliRunner().invoke(cli, ["records", str(log), "-o", str(table)])
    assert result.exit_code == 0, result.output
    assert read_records([table]).frame.equals(read_records([log]).frame)
    assert read_records([table, log]).frame.height == 2


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_json_is_written(tmp_path: Path, suffix: str) -> None:
    """JSON and JSON lines hold one object a record."""
    log = forty(tmp_path / "log.eval")
    table = tmp_path / f"out{suffix}"
    assert CliRunner().invoke(cli, ["records", str(log), "-o", str(table)]).exit_code == 0
    read = pl.read_json(table) if suffix == ".json" else pl.read_ndjson(table)
    assert read.height == 80


def test_a_table_with_an_unknown_outcome_is_refused(tmp_path: Path) -> None:
    """A value that no record can have is named with those allowed."""
    path = tmp_path / "t.csv"
    path.write_text("kind,template,rater,outcome\nrating,t,r,won\n")
    with pytest.raises(UsageError, match="unknown outcome 'won'; expected answered, refused"):
        read_records([path])


def test_a_table_of_other_things_is_refused(tmp_path: Path) -> None:
    """A CSV without a record's columns is named with the column it lacks."""
    path = tmp_path / "t.csv"
    path.write_text("first,second\na,b\n")
    with pytest.raises(UsageError, match="lacks the column 'kind'"):
        read_records([path])


class _Stream(io.BytesIO):
    """A file that cannot go back."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: object) -> int:
        raise OSError("not seekable")

    def tell(self) -> int:
        raise OSError("not seekable")


def _error() -> EvalError:
    return EvalError(message="boom", traceback="", traceback_ansi="")


def test_listing_of_an_eval_set_is_no_log(tmp_path: Path) -> None:
    """The `logs.json` and `eval-set.json` that an eval set leaves are passed by in silence."""
    (tmp_path / "logs.json").write_text('{\n  "a.eval": {"version": 2, "eval": {}}\n}')
    (tmp_path / "eval-set.json").write_text('{"eval_set_id": "x"}')
    (tmp_path / "b.json").write_text('{\n  "version": 2,\n  "status": "success"\n}')
    assert [path.name for path in find_logs([tmp_path])] == ["b.json"]
