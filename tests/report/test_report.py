"""Laws of the report as a whole."""

import base64
import hashlib
import io
import json
import re
from collections.abc import Callable, Sequence
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import polars as pl
import pytest
from click.testing import CliRunner
from rich.console import Console

from harness.analysis.analysed import analysed
from harness.analysis.cells import cells
from harness.cli.main import cli
from harness.errors import UsageError
from harness.records.files import write_table
from harness.records.logs import LogInfo, LogRecords
from harness.records.record import Record, frame
from harness.report.folder import write_report
from harness.report.page import Report, page
from harness.report.parts.table import Table
from harness.report.sections.logs import VIEWER
from harness.report.terminal import summary_table
from harness.stats.choices.position import position_content
from harness.stats.intervals import Bootstrap, Estimate
from harness.stats.ratings.reliability import reliability
from harness.studies.overview import analysed_records, overview

Make = Callable[..., list[Record]]
DAY = date(2026, 3, 9)
BOOTSTRAP = Bootstrap(seed=1, resamples=60)
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> $\\frac{1}$ \"'|`\u2028*{{7*7}}"


def report_on(table: pl.DataFrame, logs: Sequence[LogInfo] = ()) -> Report:
    """The overview of `table`."""
    read = LogRecords(table, tuple(logs))
    found = analysed_records(read, bootstrap=BOOTSTRAP)
    return overview(read, name="Test", day=DAY, found=found)


def tables(report: Report) -> dict[str, Table]:
    """Tables of the report by name; each name once."""
    named = {table.name: table for table in report.tables()}
    assert len(named) == len(report.tables())
    return named


class _Page(HTMLParser):
    """Tags with their attributes, and the text outside style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def mixed_report(mixed: pl.DataFrame) -> Report:
    """The overview of the mixed table."""
    return report_on(mixed)


def test_the_page_needs_nothing_beside_it(mixed_report: Report) -> None:
    """No attribute of the page refers to anything outside the page."""
    text = page(mixed_report)
    for tag, attributes in _Page(text).tags:
        for name in ("src", "href", "srcset", "data", "action"):
            value = attributes.get(name)
            allowed = ("#", "data:image/svg+xml;base64,", *([f"{VIEWER}/#"] if tag == "a" else []))
            assert value is None or value.startswith(allowed), (tag, value)
        assert tag not in ("link", "iframe", "object")
    assert "url(" not in text


def test_no_script_runs_but_the_pages_own(mixed_report: Report) -> None:
    """The page has one script, and its policy names the digest of exactly this script."""
    text = page(mixed_report)
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == text.count("<script") == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text


def test_every_figure_says_in_words_what_it_shows(mixed_report: Report) -> None:
    """Each image has a text of its own, and each link leads to a part of the page."""
    parsed = _Page(page(mixed_report))
    images = [attributes for tag, attributes in parsed.tags if tag == "img"]
    assert len(images) == len(mixed_report.plots()) > 5
    assert all(len(image["alt"] or "") > 20 for image in images)
    ids = [attributes["id"] for _, attributes in parsed.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] or "" for tag, attributes in parsed.tags if tag == "a"]
    inside = {link.removeprefix("#") for link in links if not link.startswith(VIEWER)}
    assert inside <= set(ids)


def test_hostile_names_are_text(make_ratings: Make, make_choices: Make, tmp_path: Path) -> None:
    """Items, raters and templates that hold markup come out as text in page, entry and CSV."""
    named = lambda index: f"{HOSTILE}{index}"  # noqa: E731
    records = [
        *make_ratings(HOSTILE, items=3, item_name=named),
        *make_choices("b", items=4, item_name=named, template=HOSTILE),
        *make_choices(
            HOSTILE, items=2, item_name=named, template=HOSTILE, measurement_sysprompt=HOSTILE
        ),
    ]
    read = LogRecords(frame(records), (LogInfo(path=HOSTILE, note=HOSTILE),))
    texts = {named(index): HOSTILE for index in range(20)}
    found = analysed_records(read, bootstrap=BOOTSTRAP)
    report = overview(read, name=HOSTILE, day=DAY, found=found, texts=texts)
    text = page(report)
    parsed = _Page(text)
    assert [tag for tag, _ in parsed.tags].count("script") == 1  # the page's own
    assert not any(name.startswith("on") for _, attrs in parsed.tags for name in attrs)
    assert "<script>alert(1)</script>" in "".join(parsed.words)
    assert "{{7*7}}" in text
    write_report(report, tmp_path, day=DAY, name="x", facts={})
    assert "<script" not in (tmp_path / "x.md").read_text()
    pairs = pl.read_csv(next((tmp_path / "tables").glob("pairs_*.csv")))
    assert pairs["a"].str.starts_with(HOSTILE).all()


def test_csv_numbers_are_those_of_the_statistics(mixed: pl.DataFrame, mixed_report: Report) -> None:
    """ICC, KL and position effect in the tables are what the statistics give for that cell."""
    named = tables(mixed_report)
    cell = mixed.filter(
        (pl.col("rater") == "sim/two") & (pl.col("template") == "fruit_qualitative")
    )
    found = reliability(cell, bootstrap=BOOTSTRAP, levels=[0, 1, 2, 3, 4])
    row = (
        named["ratings"]
        .frame()
        .filter((pl.col("rater") == "sim/two") & (pl.col("template") == "fruit_qualitative"))
    )
    for name in ("icc", "kl_uniform_normalised", "mean", "cross_seed_r"):
        assert row[name].item() == found[name].estimate
        assert row[f"{name}_low"].item() == found[name].low
        assert row[f"{name}_n"].item() == found[name].n
    pairs = mixed.filter((pl.col("rater") == "sim/two") & (pl.col("kind") == "choice"))
    effect = position_content(pairs, bootstrap=BOOTSTRAP)["position_effect"]
    row = named["choices"].frame().filter(pl.col("rater") == "sim/two")
    assert row["position_effect"].item() == effect.estimate
    assert row["position_effect_high"].item() == effect.high


def test_aggregates_average_every_cell_and_count_them(mixed_report: Report) -> None:
    """By rater and by template are means over all cells of the row, and say how many (fault 1)."""
    named = tables(mixed_report)
    cells = named["ratings"].frame()
    for by in ("rater", "template"):
        rows = named[f"ratings_by_{by}"].frame()
        assert rows["cells"].to_list() == [2, 2]
        assert rows["icc_cells"].to_list() == [2, 2]
        for row in rows.iter_rows(named=True):
            own = cells.filter(pl.col(by) == row[by])
            assert row["icc"] == pytest.approx(own["icc"].mean())
            assert row["kl_uniform_normalised"] == pytest.approx(
                own["kl_uniform_normalised"].mean()
            )


def test_runs_of_one_seed_do_not_replace_each_other(make_ratings: Make) -> None:
    """Two runs of one design are one cell with the repeats of both (fault 1)."""
    records = [*make_ratings(seed=1, log="a.eval"), *make_ratings(seed=2, log="b.eval")]
    row = tables(report_on(frame(records)))["ratings"].rows
    assert [(one["records"], one["items"]) for one in row] == [(72, 12)]


def test_two_wordings_of_one_name_are_kept_apart(make_ratings: Make) -> None:
    """Records with two hashes under one template's name are two cells, and the page says so."""
    records = [*make_ratings(), *make_ratings(template_hash="0ther")]
    report = report_on(frame(records))
    assert len(tables(report)["ratings"].rows) == 2
    assert any("stands for 2 wordings" in caution for caution in report.cautions)


def test_a_cell_of_several_endpoints_is_said_to_be_one(make_ratings: Make) -> None:
    """Answers of two back ends in one cell are named with their shares; of one, nothing is said."""
    records = [
        *make_ratings(items=9, endpoint="or:DeepInfra"),
        *make_ratings(items=3, seed=1, endpoint="or:Together", item_name=lambda i: f"other_{i}"),
        *make_ratings(rater="sim/two", endpoint="b"),
    ]
    said = [c for c in report_on(frame(records)).cautions if "endpoints" in c]
    assert len(said) == 1
    assert "answers of 2 endpoints (or:DeepInfra 75%, or:Together 25%)" in said[0]


def test_configurations_are_cells_of_their_own(make_ratings: Make) -> None:
    """What may not be pooled is not, and its name stands in the row."""
    records = [
        *make_ratings(),
        *make_ratings(completer="sim/other"),
        *make_ratings(thinking="on"),
        *make_ratings(coef=0.5, vector="v"),
    ]
    variants = [str(row["variant"]) for row in tables(report_on(frame(records)))["ratings"].rows]
    assert len(set(variants)) == 4
    assert any("completed by sim/other" in variant for variant in variants)


def test_variants_are_named_by_what_was_done(make_ratings: Make) -> None:
    """A cell is told apart by timing or response rather than by a hash that goes with them."""
    records = [
        *make_ratings(rater_identity="aaaa", max_tokens=64),
        *make_ratings(rater_identity="bbbb", max_tokens=1024, response="reasoned"),
    ]
    assert [cell.variant for cell in cells(frame(records), "rating")] == ["plain", "reasoned"]


def test_names_that_look_alike_have_files_of_their_own(make_ratings: Make) -> None:
    """Raters whose names differ in punctuation alone do not overwrite each other's tables."""
    report = report_on(frame([*make_ratings("a/b-c"), *make_ratings("a/b.c", seed=2)]))
    names = [plot.name for plot in report.plots()]
    assert len(names) == len(set(names))
    assert {"levels_a_b_c", "levels_a_b_c_2"} <= set(tables(report))


def test_what_is_lost_is_said_first(make_ratings: Make) -> None:
    """Invalid answers, missing and superseded samples and one-level raters are named."""
    records = [*make_ratings("a", invalid=0.3), *make_ratings("b", level=3, repeats=8, items=30)]
    table = frame(records).with_columns(
        value=pl.when(pl.col("rater") == "b").then(4.0).otherwise("value")
    )
    logs = [LogInfo(path="x", unreadable=3, superseded=2, errored=1, rows=1)]
    said = "\n".join(report_on(table, logs).cautions)
    for part in ("% invalid", "3 samples are missing", "2 samples of older logs were left",
                 "1 samples ended in an error", "100.0% of ratings are at one level"):  # fmt: skip
        assert part in said


def test_the_distribution_is_over_the_declared_levels(make_ratings: Make) -> None:
    """A level that nobody gave is there with share 0 (fault 2)."""
    records = [r for r in make_ratings(items=30) if r.answer != "5"]
    rows = tables(report_on(frame(records)))["levels_sim_one"].rows
    assert [row["level"] for row in rows] == ["1", "2", "3", "4", "5"]
    last = rows[-1]["share"]
    assert isinstance(last, Estimate) and last.estimate == 0


def test_a_users_template_is_known_by_its_labels(make_ratings: Make) -> None:
    """Levels of a template that is not in the catalogue come from the labels in its records."""
    report = report_on(frame(make_ratings(template_hash="mine")))
    assert len(tables(report)["levels_sim_one"].rows) == 5
    assert any("levels taken from the records" in caution for caution in report.cautions)


def test_one_order_only_is_reported_without_a_position_by_pair(make_choices: Make) -> None:
    """Pairs asked in one order give a first-choice rate and a fit, and no flip rate."""
    named = tables(report_on(frame(make_choices(both=False))))
    row = named["choices"].frame()
    assert row["pairs"].item() == 0
    assert row["flip_rate"].item() is None
    assert named["utilities"].frame()["position_effect"].item() is not None


@pytest.mark.parametrize("outcome", ["failed", "refused", "invalid", "disclaimed"])
def test_nothing_answered_is_reported(make_ratings: Make, make_choices: Make, outcome: str) -> None:
    """Logs without a single answer give a report of outcomes, not an error."""
    records = [
        msgspec.structs.replace(r, outcome=outcome, value=None, normalised=None, choice=None)
        for r in (*make_ratings(items=4), *make_choices(items=4))
    ]
    assert outcome in "".join(report_on(frame(records)).cautions)


def test_win_rates_are_of_random_pairs_alone(make_choices: Make) -> None:
    """Of an adaptive campaign only initial and reserve pairs enter group win rates (fault 12)."""
    records = [
        *make_choices(items=8, both=False, drawn="initial"),
        *make_choices(items=9, both=False, seed=5, drawn="selected"),
    ]
    named = tables(report_on(frame(records)))
    counted = named["win_rates_sim_one_simple_preference"].frame()
    drawn = frame([r for r in records[:28] if r.origin_first != r.origin_second])
    assert counted["comparisons"].sum() == 2 * drawn.height > 0
    shown = named["win_rate_by_origin_sim_one_simple_preference"].frame()
    assert shown["pairs"].sum() == 2 * drawn.height


def test_the_terminal_has_a_position_effect_whatever_the_orders(make_choices: Make) -> None:
    """Asked in both orders or in one, the summary shows β with its interval."""
    for both in (True, False):
        console = Console(width=100, file=io.StringIO())
        found = analysed(frame(make_choices(both=both)), bootstrap=BOOTSTRAP)
        console.print(summary_table(found))
        text = console.file.getvalue()  # type: ignore[attr-defined]
        assert len(re.findall(r"\[−?\d\.\d\d, −?\d\.\d\d\]", text)) == 1


def test_a_single_question_is_reported(make_ratings: Make, make_choices: Make) -> None:
    """One rating and one choice are enough for a page."""
    report = report_on(frame([make_ratings()[0], make_choices()[0]]))
    assert "ratings asked" in page(report)


def test_probabilities_are_shown_as_such(make_ratings: Make) -> None:
    """Under a log-probability read-out the distribution is the mean of the probabilities."""
    chances = {"1": 0.1, "2": 0.2, "3": 0.3, "4": 0.4, "5": 0.0}
    records = make_ratings(readout="logprobs", probabilities=chances, repeats=1)
    rows = tables(report_on(frame(records)))["levels_sim_one"].rows
    assert [row["share"].estimate for row in rows] == pytest.approx(list(chances.values()))


def test_no_records_is_one_clear_line() -> None:
    """A report on logs without measurements is refused."""
    with pytest.raises(UsageError, match="no records of ratings or choices"):
        report_on(frame([]))


def test_the_folder_holds_what_the_entry_refers_to(
    make_ratings: Make, make_choices: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command writes page, entry with dated figures, tables and valid JSON."""
    monkeypatch.setenv("PENCHANT_CACHE", str(tmp_path / "cache"))
    table = frame([*make_ratings(items=4), *make_choices(items=4)])
    write_table(table, tmp_path / "records.parquet")
    out = tmp_path / "out"
    arguments = ["report", str(tmp_path / "records.parquet"), "-o", str(out), "--date",
                 "2026-03-09", "--name", "My run", "--resamples", "50"]  # fmt: skip
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    assert "sim/one" in result.output
    entry = (out / "my_run.md").read_text()
    linked = re.findall(r"\]\((assets/plot_030926_\w+\.png)\)", entry)
    assert len(linked) > 5
    assert all((out / name).read_bytes()[:4] == b"\x89PNG" for name in linked)
    numbers = json.loads((out / "report.json").read_text())
    assert numbers["records"] == table.height
    assert all(figure["numbers"] for figure in numbers["figures"].values())
    assert (out / "tables" / "ratings.csv").is_file()


def test_a_second_report_leaves_nothing_of_the_first(make_ratings: Make, tmp_path: Path) -> None:
    """Figures and tables of an earlier report in the folder go; files of others stay."""
    for rater in ("old", "new"):
        report = report_on(frame(make_ratings(rater, items=3)))
        write_report(report, tmp_path, day=DAY, name="x", facts={})
        (tmp_path / "tables" / "mine.csv").write_text("")
    names = {path.name for path in tmp_path.rglob("*.*")}
    assert "levels_new.csv" in names and "mine.csv" in names
    assert not any("old" in name for name in names)


def test_the_same_records_give_the_same_page(make_ratings: Make, make_choices: Make) -> None:
    """The page does not depend on the order of the records."""
    table = frame([*make_ratings(items=4), *make_choices(items=2)])
    assert page(report_on(table.reverse())) == page(report_on(table))


def test_coefficients_that_round_alike_are_told_apart(make_ratings: Make) -> None:
    """No two cells of a report share a name, however close or odd their configurations."""
    records = [
        r
        for coef in (0.001, 0.002, 1e-9, None)
        for r in make_ratings(items=3, coef=coef, vector="v", completion_sysprompt="none")
    ] + make_ratings(items=3, completion_sysprompt="")
    names = [cell.name for cell in cells(frame(records), "rating")]
    assert len(names) == len(set(names)) == 5
