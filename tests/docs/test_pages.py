"""The documentation's generated pages, and what its commands may say of themselves."""

import importlib.util
import re
import sys
import warnings
from pathlib import Path
from types import ModuleType

import pytest

from evals.listing import evals
from harness.studies.catalogue import NAMES
from harness.studies.parameters import meanings
from harness.studies.study import Parameters

ROOT = Path(__file__).resolve().parents[2]


def loaded(path: str) -> ModuleType:
    """A script as a module."""
    name = Path(path).stem
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


pages = loaded("docs/pages.py")
commands = loaded("scripts/checks/docs_commands.py")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all generated pages."""
    folder: Path = tmp_path_factory.mktemp("docs")
    pages.write_pages(folder)
    return folder


def test_each_eval_and_study_has_its_page(written: Path) -> None:
    """From the registry and the catalogue: nothing is listed by hand."""
    for kind, names in (("evals", [one.name for one in evals()]), ("studies", NAMES)):
        found = {path.stem for path in (written / kind).glob("*.md")}
        assert found == {*names, "index"}
        index = (written / kind / "index.md").read_text()
        assert [name for name in names if f"({name}.md)" not in index] == []


def test_an_evals_page_has_all_its_options(written: Path) -> None:
    """Each with its meaning, as `penchant evals` prints it."""
    for one in evals():
        text = (written / f"evals/{one.name}.md").read_text()
        for option in one.options:
            assert f"| `{option.name}` |" in text and option.meaning.replace("|", "\\|") in text


def test_a_studys_page_has_its_design(written: Path) -> None:
    """Factors, contrasts named beforehand, and every parameter with its meaning."""
    general = meanings(Parameters)
    for name in NAMES:
        text = (written / f"studies/{name}.md").read_text()
        assert "| factor | levels |" in text and "Named beforehand:\n\n* " in text
        assert all(f"| `{parameter}` |" in text for parameter in general)


def test_pictures_are_those_of_studies(written: Path) -> None:
    """A study's page shows its picture with a text; a new study may have none yet, and is named."""
    missing = pages.without_picture()
    for name in NAMES:
        text = (written / f"studies/{name}.md").read_text()
        assert ("{figure} ../pictures/" in text and ":alt: " in text) == (name not in missing)
    assert {path.stem for path in pages.PICTURES.glob("*.*g")} <= set(NAMES)
    if missing:
        warnings.warn(f"no picture yet (make pictures): {', '.join(missing)}", stacklevel=1)


def test_every_block_is_run_or_says_why_not() -> None:
    """A block that is neither commands nor Python says what it is; a reason is in words."""
    for page in commands.PAGES:
        for block in commands.blocks(page):
            assert block.kind or block.text.strip()
            assert not block.told or re.match(r"(with|file|needs|opens|run) ", block.told), block


def test_a_page_that_is_there_is_checked() -> None:
    """Every page of docs that has commands is among those that are run."""
    for path in (ROOT / "docs").glob("*.md"):
        page = f"docs/{path.name}"
        if any(block.kind in commands.COMMANDS for block in commands.blocks(page)):
            assert page in commands.PAGES, page


def test_what_a_comment_changes_is_there() -> None:
    """`with OLD => NEW` changes the block that it stands above, in every pair."""
    for page in commands.PAGES:
        for block in commands.blocks(page):
            if block.told.startswith("with "):
                assert block.script != f"{block.before}\n{block.text}"
