"""A design in several processes."""

import sys
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.studies.catalogue import NAMES, get_study
from harness.studies.folder import Frozen, freeze
from harness.studies.forecast import made_by, plan_of
from harness.studies.parameters import read_parameters
from harness.studies.parts import parts_of, run_parts
from harness.studies.study import StudyDesign

SMALL = {"per_origin": 3, "seeds": 2}


def design(name: str) -> StudyDesign:
    study = get_study(name)
    # Log-probabilities are the same in every repeat, so a study of them takes one seed.
    size = SMALL | ({"seeds": 1} if name == "steering-stated" else {})
    return study.design(read_parameters(study, size, rehearse=True))


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_is_in_one_part_beside_those_of_the_same_completions(name: str) -> None:
    """No cell is lost or run twice, no completion is made in two processes, and the cells keep
    their order; asked again, the parts are the same."""
    cells = design(name).cells
    parts = parts_of(design(name), 3)
    assert sorted(str(cell) for part in parts for cell in part) == sorted(map(str, cells))
    made: dict[tuple[str, str], set[int]] = {}
    for number, part in enumerate(parts):
        places = [cells.index(cell) for cell in part]
        assert places == sorted(places)
        for cell in part:
            plan = plan_of(cell)
            if plan.forecast.makes_completions:
                made.setdefault((cell.completer, made_by(plan)), set()).add(number)
    assert all(len(where) == 1 for where in made.values())
    assert parts == parts_of(design(name), 3)


def test_parts_have_about_as_many_calls() -> None:
    """Nine cells over three sorts of completions go three to a process, none over two."""
    assert [len(part) for part in parts_of(design("sysprompt-3x3"), 3)] == [3, 3, 3]
    assert [len(part) for part in parts_of(design("sysprompt-3x3"), 9)] == [3, 3, 3]
    assert sorted(len(part) for part in parts_of(design("sysprompt-3x3"), 2)) == [3, 6]


def process(folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python that runs `code` whatever it is asked to run."""
    stand_in = folder / "python"
    stand_in.write_text(f"#!{sys.executable}\nimport sys\n{code}\n")
    stand_in.chmod(0o755)
    monkeypatch.setattr("harness.studies.parts.sys.executable", str(stand_in))


def test_what_a_process_said_of_its_end_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that fails ends the run in one line with its own last line; the others end too."""
    code = (
        "print('penchant: no key', file=sys.stderr) or sys.exit(2) if sys.argv[-2] == '1' else "
        "print('..', end='')"
    )
    process(tmp_path, code, monkeypatch)
    with pytest.raises(UsageError, match=r"^process 2: no key$"):
        run_parts(design("sysprompt-3x3"), tmp_path, study="sysprompt-3x3", processes=3)


def test_another_number_of_processes_is_refused(tmp_path: Path) -> None:
    """Cells would be looked for in other folders than they were run in, and asked again."""
    freeze(Frozen(study="drift", parameters={}, processes=2), tmp_path)
    with pytest.raises(UsageError, match="resume it with --processes 2"):
        freeze(Frozen(study="drift", parameters={}), tmp_path)
