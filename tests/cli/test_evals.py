"""`penchant evals`, and lists of commands in `--help`."""

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from evals import _registry
from evals.listing import Eval, eval_named, evals
from harness.cli.main import cli
from harness.errors import UsageError
from harness.models.inspect_api import PrerequisiteError
from steering_server.cli import cli as steering

ROOT = Path(__file__).resolve().parents[2]
EVALS = {one.name: one for one in evals()}


def shown(*arguments: str) -> str:
    """The output of `penchant evals`, spaces and line ends as one space."""
    result = CliRunner().invoke(cli, ["evals", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_every_registered_eval_is_listed_with_what_inspect_takes() -> None:
    """Each has its line; its address is a file that has a task of this name."""
    said = shown()
    assert set(EVALS) == set(_registry.__all__)
    for one in EVALS.values():
        assert f"{one.name} {one.asks[:20]}" in said and one.address in said
        assert f"\ndef {one.name}(" in (ROOT / one.file).read_text()


@pytest.mark.parametrize("one", EVALS.values(), ids=EVALS)
def test_what_is_listed_is_what_is_read(one: Eval) -> None:
    """The options that an eval accepts are those listed, each with a meaning and its default."""
    with pytest.raises((UsageError, PrerequisiteError)) as raised:
        getattr(_registry, one.name)(nonesuch=1)
    accepted = str(raised.value).rpartition("expected one of ")[2].rstrip(")'\"").split(", ")
    listed = {option.name: option for option in one.options}
    own = {"template"} & set(listed)
    assert set(listed) - own == set(accepted) - ({"pairs"} if one.name == "utilities" else set())
    assert [option.name for option in one.options if not option.meaning] == []
    defaults = one.kind()
    for name in set(listed) - own:
        value = getattr(defaults, name)
        assert str(value if value is not None else "").lower() in (
            listed[name].default.lower(),
            f"{listed[name].default}.0",
        )


def test_one_eval_is_shown_with_its_options() -> None:
    """Name, value, default and the whole meaning; a struct's own word stands over its base's."""
    said = shown("utilities")
    assert "inspect eval evals/utilities.py --model" in said
    assert "target_rho number 0.95 stop when the expected rank correlation" in said
    assert "orders both, balanced balanced" in said and "orders both, balanced, first" not in said
    assert " pairs text" not in said and " pairs text regular:5" in shown("pairwise")
    assert "template text simple_preference" in said


@pytest.mark.parametrize("name", ["anchored_1_5", "evals/anchored.py@anchored_1_5", "pairwise.py"])
def test_an_eval_goes_by_its_name_or_its_address(name: str) -> None:
    """Whatever was given to `inspect eval`."""
    assert eval_named(name).name == name.rpartition("@")[2].removesuffix(".py")


def test_an_unknown_eval_is_one_line() -> None:
    """With a near match."""
    with pytest.raises(UsageError, match="unknown eval 'pairwize'; did you mean 'pairwise'"):
        eval_named("pairwize")


def groups(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The paths of a command line's groups, that of the whole first."""
    if not isinstance(command, click.Group):
        return []
    context = click.Context(command)
    names = command.list_commands(context)
    below = [(name, command.get_command(context, name)) for name in names if len(path) < 1]
    return [path, *(found for name, one in below if one for found in groups(one, (*path, name)))]


@pytest.mark.parametrize("width", ["80", "120"])
@pytest.mark.parametrize("program", [cli, steering], ids=["penchant", "steering-server"])
def test_no_description_is_clipped(program: click.Group, width: str) -> None:
    """Each command of each group stands in `--help` with its whole first sentence."""
    for path in groups(program):
        done = CliRunner(env={"COLUMNS": width}).invoke(program, [*path, "--help"])
        assert done.exit_code == 0, done.output
        below = done.output.partition("\n")[2]
        assert not re.search(r"\.\.\.$", below, re.MULTILINE), (path, below)


ROW = re.compile(r"^\| ((?:`\w+`(?:, )?)+) \| ([^|]*) \|", re.MULTILINE)


def test_readme_names_options_that_there_are_and_their_defaults() -> None:
    """In README's table of options each name is an option of an eval, each default its own."""
    text = (ROOT / "README.md").read_text()
    table = text[text.index("### Options") : text.index("`penchant evals` lists")]
    real = {option.name: option for one in EVALS.values() for option in one.options}
    rows = ROW.findall(table)
    assert len(rows) > 15
    for names, default in rows:
        for name, told in zip(re.findall(r"\w+", names), default.split(", "), strict=False):
            assert name in real, name
            if told.startswith("`") or told.isdigit():
                wanted = {one.default for e in EVALS.values() for one in e.options
                          if one.name == name}  # fmt: skip
                assert default.strip("`") in wanted or told.strip("`") in wanted, (name, told)
