"""Laws of the logs behind a row, and of what the page has room for."""

import re
from collections.abc import Callable
from datetime import date

import pytest

from harness.analysis.cells import cells
from harness.records.log_runs import LogInfo
from harness.records.logs import LogRecords
from harness.records.record import Record, frame
from harness.report.page import page
from harness.report.parts.table import Column, Section, Table
from harness.report.room import fitting
from harness.report.rows import views
from harness.report.sections.logs import empty_logs, log_section, once_each
from harness.report.sources import Sources, ranges
from harness.stats.intervals import Bootstrap
from harness.studies.overview import analysed_records, overview

Make = Callable[..., list[Record]]


@pytest.fixture
def sources(make_ratings: Make, make_choices: Make) -> Sources:
    """Rater a in logs 1 and 2, rater b in 3, choices of a in 4."""
    records = [
        *make_ratings("a", items=4, log="logs/1.eval"),
        *make_ratings("a", "fruit_rating", items=2, log="logs/2.eval"),
        *make_ratings("b", items=4, log="logs/3.eval", item_name=lambda i: f"b_{i}"),
        *make_choices("a", items=4, log="logs/4.eval", item_name=lambda i: f"c_{i}"),
    ]
    table = frame(records)
    logs = [LogInfo(path=f"logs/{at}.eval", rows=1) for at in (1, 2, 3, 4)]
    return Sources(table, logs, [*cells(table, "rating"), *cells(table, "choice")])


def test_a_row_rests_on_the_logs_whose_records_it_names(sources: Sources) -> None:
    """By cell, by rater, by template, by item, by both items of a pair; else on all."""
    assert sources.of({"rater": "a", "template": "fruit_rating", "variant": ""}, {}) == {2}
    assert sources.of({"rater": "a"}, {}) == {1, 2, 4}
    assert sources.of({"template": "anchored_precise_1_5"}, {}) == {1, 3}
    assert sources.of({"item": "b_1"}, {}) == {3}
    assert sources.of({"a": "c_0", "b": "c_1"}, {}) == {4}
    assert sources.of({"quantity": "anything"}, {}) == sources.every == {1, 2, 3, 4}


def test_a_row_is_of_what_its_section_is_about(sources: Sources) -> None:
    """What the rows do not name the section does; a row's own word counts more."""
    assert sources.of({"origin": "alpaca"}, {"rater": "b"}) == {3}
    assert sources.of({"rater": "a", "template": "fruit_rating"}, {"rater": "b"}) == {2}


def test_logs_of_one_set_stand_below_a_table_others_beside_each_row(sources: Sources) -> None:
    """A column of logs is there only where rows differ in them."""
    columns = (Column("rater", "rater"),)
    alike = Table(name="alike", title="", columns=columns, rows=[{"rater": "a"}] * 2)
    apart = Table(name="apart", title="", columns=columns, rows=[{"rater": "a"}, {"rater": "b"}])
    found = views([alike], [Section(title="", anchor="x", tables=(apart,))], sources)
    assert [one.title for one in found["alike"].columns] == ["rater"]
    assert 'data-logs="1-2,4"' in found["alike"].logs
    assert [one.title for one in found["apart"].columns] == ["rater", "logs"]
    assert 'href="#log_3"' in found["apart"].rows[1] and not found["apart"].logs


def test_every_link_to_a_log_leads_to_its_row(make_ratings: Make) -> None:
    """Numbers in links are those of the rows of the table of logs, which open in the viewer."""
    records = [r for at in range(3) for r in make_ratings(f"r{at}", items=3, log=f"l/d/{at}.eval")]
    read = LogRecords(
        frame(records), tuple(LogInfo(path=f"l/d/{at}.eval", rows=3) for at in range(3))
    )
    found = analysed_records(read, bootstrap=Bootstrap(seed=1, resamples=20))
    text = page(overview(read, name="x", day=date(2026, 1, 2), found=found))
    linked = set(re.findall(r'href="#(log_\d+)"', text))
    assert linked == set(re.findall(r'<tr id="(log_\d+)"', text)) == {"log_1", "log_2", "log_3"}
    assert "http://127.0.0.1:7575/#/logs/2.eval" in text
    assert "inspect view start --log-dir l/d" in text


def test_a_page_of_many_cells_draws_the_first(make_ratings: Make) -> None:
    """Of nine raters four have figures of their own, all have tables, and the page says so."""
    records = [r for at in range(9) for r in make_ratings(f"r{at}", items=3)]
    read = LogRecords(frame(records))
    found = analysed_records(read, bootstrap=Bootstrap(seed=1, resamples=20))
    report = overview(read, name="x", day=date(2026, 1, 2), found=found)
    names = [plot.name for plot in report.plots()]
    assert sum(name.startswith("distribution_") for name in names) == 4
    assert sum(table.name.startswith("levels_") for table in report.tables()) == 9
    [section] = [one for one in report.sections if one.anchor == "ratings"]
    assert [any("first 4 of 9" in line for line in part.text) for part in section.parts] == (
        [False] * 4 + [True] + [False] * 4
    )


def test_runs_of_numbers() -> None:
    """Numbers that follow each other are one run."""
    assert ranges({7, 1, 2, 3}) == [(1, 3), (7, 7)]


def test_failed_trials_are_listed_once() -> None:
    """Sixty logs that failed alike are one row and one line; each is counted."""
    failed = [LogInfo(path=f"f{at}.eval", task="t", status="error", note="no records of ratings or "
                      "choices") for at in range(60)]  # fmt: skip
    read = LogRecords(frame([]), (LogInfo(path="good.eval", rows=2, note="late"), *failed))
    assert once_each(read) == [
        "good.eval: late", "60 files of t (error): no records of ratings or choices"
    ]  # fmt: skip
    [table] = log_section(read.logs, None).tables
    assert [row["files"] for row in table.rows] == [60]
    assert sum(map(len, empty_logs(read.logs).values())) == 60


def test_folded_rows_have_a_common_room() -> None:
    """Each list keeps as many as fit together with the same count of all others."""
    assert fitting([[1] * 10, [1] * 3], 9) == 6
    assert fitting([[5], [5]], 9) == 0
    assert fitting([[1] * 10], 100, most=4) == 4


def test_a_page_of_many_rows_is_no_larger_than_its_room() -> None:
    """Rows without room are counted below their table, and stand in its CSV."""
    table = Table(
        name="t", title="", columns=(Column("x", "x"),), first=5,
        rows=[{"x": "w" * 4000} for _ in range(1000)],
    )  # fmt: skip
    view = views([table], [], None)["t"]
    assert sum(map(len, view.rows)) < 1_600_000
    assert view.left == 1000 - len(view.rows) > 0
