"""What `penchant` says before any command."""

import sys
from pathlib import Path

import pytest

from harness.cli.main import foreign_packages


@pytest.mark.parametrize("name", ["evals", "solvers", "scorers"])
@pytest.mark.parametrize("form", ["package", "module", "folder"])
def test_a_foreign_package_is_named_with_its_path(
    name: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package or module of that name earlier on the path is named, in one line with its place."""
    if form == "module":
        (tmp_path / f"{name}.py").write_text("")
    else:
        (tmp_path / name).mkdir()
        (tmp_path / name / ("__init__.py" if form == "package" else "x.txt")).write_text("")
    for loaded in [one for one in sys.modules if one.split(".")[0] == name]:
        monkeypatch.delitem(sys.modules, loaded)
    assert foreign_packages() == []
    # A folder without __init__ hides nothing that has one, wherever it stands.
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    said = foreign_packages()
    assert len(said) == (form != "folder")
    assert all(str(tmp_path / name) in line and "\n" not in line for line in said)
