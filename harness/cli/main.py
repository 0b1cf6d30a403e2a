"""`penchant`: the command line. Each command lives in a module of its own and is added here."""

import importlib
import importlib.util
import sys
from pathlib import Path

import click

from harness.cli.listing import WholeGroup
from harness.errors import PenchantError
from harness.screen import echo

__all__ = ["cli", "foreign_packages", "main"]

_COMMANDS = {
    "changes": "harness.cli.changes:changes",
    "controls": "harness.cli.controls:controls",
    "evals": "harness.cli.evals:evals",
    "items": "harness.cli.items:items",
    "judge-check": "harness.cli.judge_check:judge_check",
    "judgements": "harness.cli.judgements:judgements",
    "pool": "harness.cli.pool:pool",
    "reask": "harness.cli.reask:reask",
    "records": "harness.cli.records:records",
    "reliability": "harness.cli.reliability:reliability",
    "report": "harness.cli.report:report",
    "sim": "harness.cli.sim:sim",
    "study": "harness.cli.study:study",
    "templates": "harness.cli.templates:templates",
    "variance": "harness.cli.fits.variance:variance",
    "utilities": "harness.cli.fits.utilities:utilities",
}


class _Lazy(WholeGroup):
    """Imports a command's module only when it is used, so that `--help` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        target = _COMMANDS.get(name)
        if target is None:
            return None
        module, attribute = target.split(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="penchant")
def cli() -> None:
    """Measure what language models prefer.

    \b
    inspect eval evals/anchored.py@anchored_precise_1_5 --model sim/faithful
    penchant report logs/ -o report/
    """


def foreign_packages() -> list[str]:
    """A line for each of our packages that another of its name hides on the path."""
    root = Path(__file__).resolve().parents[2]
    lines = []
    for name in ("evals", "scorers", "solvers"):
        spec = importlib.util.find_spec(name)
        found = [] if spec is None else [spec.origin, *(spec.submodule_search_locations or ())]
        place = next((Path(one).resolve() for one in found if one), None)
        if place is not None and not place.is_relative_to(root / name):
            lines.append(f"{place} hides penchant's own package {name!r}; take it off the path")
    return lines


def main() -> None:
    """Entry point: a user's error is one line on stderr and exit status 2, never a traceback."""
    for line in foreign_packages():
        echo(f"penchant: {line}", err=True)
    try:
        code = cli(standalone_mode=False)
    except PenchantError as error:
        echo(f"penchant: {error}", err=True)
        sys.exit(2)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        where = f" ({context.command_path} --help)" if context is not None else ""
        echo(f"penchant: {' '.join(error.format_message().split())}{where}", err=True)
        sys.exit(error.exit_code)
    except click.Abort:
        echo("penchant: ended by you; nothing more was asked", err=True)
        sys.exit(1)
    # Without its own way to end, click gives back what --help and the like end with.
    if isinstance(code, int):
        sys.exit(code)


if __name__ == "__main__":
    main()
