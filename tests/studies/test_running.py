"""A study from its line to its page, and again."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UsageError
from harness.studies.catalogue import get_study
from harness.studies.parameters import read_parameters
from harness.studies.running import run_study
from harness.studies.study import Found, Parameters, Study, StudyDesign

SMALL = {"per_origin": 6, "seeds": 2}


def run(
    folder: Path, name: str, *, budget: float | None = None, processes: int = 1, **given: Any
) -> list[str]:
    study = get_study(name)
    parameters = read_parameters(study, SMALL | given, rehearse=True)
    return list(
        run_study(
            study,
            parameters,
            folder,
            rehearsal=True,
            budget=budget,
            go=lambda line: False,
            day=date(2026, 1, 2),
            say=lambda line: None,
            processes=processes,
        )
    )


def asked(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_a_second_start_asks_nothing_and_finds_the_same(tmp_path: Path) -> None:
    """The same line again makes no call and writes the same tables; completions are made once a
    system prompt, however many cells want them."""
    log = tmp_path / "asked.jsonl"
    raters = (f"sim/faithful(completion_effect=0.5, ask_log={log})",)
    writers = (f"sim/faithful@writer(ask_log={log})",)
    given = {"raters": raters, "completers": writers}
    first = run(tmp_path / "run", "sysprompt-3x3", **given)
    calls = asked(log)
    assert calls == 9 * 6 * 2 + 3 * 6
    tables = tmp_path / "run" / "report" / "tables"
    before = {path.name: path.read_text() for path in tables.iterdir()}
    assert run(tmp_path / "run", "sysprompt-3x3", **given) == first
    assert asked(log) == calls
    assert {path.name: path.read_text() for path in tables.iterdir()} == before


def test_a_run_is_resumed_from_any_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the line is typed is no part of a run: from another place nothing is asked again; logs
    of another design in the folder are said in one line."""
    log = tmp_path / "asked.jsonl"
    given = {"raters": (f"sim/refuser(ask_log={log})",), "per_origin": 1, "seeds": 1}
    first = run(tmp_path / "run", "refusal-stated", **given)
    calls = asked(log)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert run(tmp_path / "run", "refusal-stated", **given) == first
    assert asked(log) == calls
    (tmp_path / "run" / "study.json").unlink()
    with pytest.raises(UsageError, match="holds logs of another run"):
        run(tmp_path / "run", "refusal-stated", **(given | {"seeds": 2}))


def test_the_page_warns_of_answers_that_are_missing(tmp_path: Path) -> None:
    """A study's page says what share of a cell was refused, and is clear only where little was."""
    given = {"per_origin": 2, "seeds": 2, "templates": ("fruit_rating",)}
    for rater, warned in (("sim/rambler", True), ("sim/faithful", False)):
        folder = tmp_path / rater[4:]
        run(folder, "validity", raters=(rater,), pairwise="none", **given)
        page = (folder / "report" / "index.html").read_text()
        assert ("The other figures are of what was answered" in page) is warned
        assert ("Nothing to warn of" in page) is not warned


def test_a_budget_ends_the_run_in_one_line_and_more_goes_on(tmp_path: Path) -> None:
    """What the budget does not cover is not asked; the same line with a larger one goes on from
    there, pays at most what was in flight twice, and finds what an unbroken run finds. The last
    line but the findings says what all starts cost beside the forecast."""
    log = tmp_path / "asked.jsonl"
    given = {
        "raters": (f"sim/faithful(completion_effect=0.5, ask_log={log})",),
        "completers": (f"sim/faithful@writer(ask_log={log})",),
        "price": "1,10",
        "block": 3,
    }
    with pytest.raises(UsageError, match=r"--budget 0.015 is spent \(\$0\.0.* larger --budget"):
        run(tmp_path / "run", "sysprompt-3x3", budget=0.015, **given)
    some = asked(log)
    every = 9 * 6 * 2 + 3 * 6
    assert 0 < some < every
    found = run(tmp_path / "run", "sysprompt-3x3", **given)
    assert every <= asked(log) <= every + 3
    assert found[0].startswith("spent $0.0")
    assert f"{9 * 6 * 2} of {9 * 6 * 2} questions" in found[0]
    whole = run(tmp_path / "whole", "sysprompt-3x3", **given)
    assert found[1:-1] == whole[1:-1]


def test_a_budget_needs_a_price(tmp_path: Path) -> None:
    """Nothing is asked where nobody knows what a call costs."""
    study = get_study("validity")
    given = {"raters": ("openai-api/nowhere/m",)} | SMALL
    with pytest.raises(UsageError, match="--budget 1 needs a price"):
        list(
            run_study(
                study,
                read_parameters(study, given),
                tmp_path,
                rehearsal=False,
                budget=1,
                go=lambda line: True,
                day=date(2026, 1, 2),
                say=lambda line: None,
            )
        )
    assert not list(tmp_path.iterdir())


def test_another_design_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    """Logs of two designs in one folder would be read as one."""
    run(tmp_path, "sysprompt-3x3")
    with pytest.raises(UsageError, match="seeds=2, this one says 3"):
        run(tmp_path, "sysprompt-3x3", seeds=3)


def test_a_study_that_asks_nothing_is_made_ready_and_reported(tmp_path: Path) -> None:
    """Without cells there is nothing to forecast or spend: what it needs is opened, then read."""
    opened: list[Path] = []

    @contextmanager
    def ready(_: Any, folder: Path) -> Iterator[None]:
        opened.append(folder)
        yield

    silent = Study(
        name="silent",
        question="What lies in the folder?",
        parameters=Parameters,
        design=lambda _: StudyDesign((), ("nothing",), prepares="vectors are made"),
        analyse=lambda given: Found([f"read from {given.places[0].name}"], [], []),
        small={},
        rehearsal={},
        opened=ready,
        raters=False,
        records=False,
        cells=False,
    )
    said: list[str] = []
    lines = list(
        run_study(
            silent, Parameters(), tmp_path / "run", rehearsal=False, budget=None,
            go=lambda _: False, day=date(2026, 1, 2), say=said.append,
        )
    )  # fmt: skip
    assert said == ["no calls; vectors are made"]
    assert opened == [tmp_path / "run"]
    assert lines[0] == "read from run"
    assert Path(lines[-1]).is_file()
