"""A study from its line to its page, and again."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UsageError
from harness.studies.catalogue import get_study
from harness.studies.parameters import read_parameters
from harness.studies.running import run_study

SMALL = {"per_origin": 6, "seeds": 2}


def run(folder: Path, name: str, **given: Any) -> list[str]:
    study = get_study(name)
    parameters = read_parameters(study, SMALL | given, rehearse=True)
    return list(
        run_study(
            study,
            parameters,
            folder,
            rehearsal=True,
            budget=None,
            go=lambda line: False,
            day=date(2026, 1, 2),
            say=lambda line: None,
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


def test_another_design_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    """Logs of two designs in one folder would be read as one."""
    run(tmp_path, "sysprompt-3x3")
    with pytest.raises(UsageError, match="seeds=2, this one says 3"):
        run(tmp_path, "sysprompt-3x3", seeds=3)
