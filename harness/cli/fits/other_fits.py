"""`penchant utilities --over` and `--zero`: fits of their own, from what was read to the screen."""

import sys
from collections.abc import Iterable
from pathlib import Path

import click
from click.core import ParameterSource

from harness.cli.fits.comparisons import choices_of
from harness.cli.fits.over import report_over
from harness.cli.fits.zero import report_zero
from harness.errors import UsageError
from harness.records.logs import read_records
from harness.screen import Console, echo
from harness.stats.facets.columns import read_facets
from harness.stats.facets.universe import over_records
from harness.stats.zero.records import from_zero

__all__ = ["from_a_zero", "over_levels"]

_WIDE = 120
_OWN = (
    "link",
    "prior_sd",
    "sigma",
    "penalty",
    "bound",
    "force_sigma",
    "position",
    "position_by",
    "prior_groups",
    "sensitive",
)
"""Options of the fit of one wording."""


def over_levels(
    inputs: tuple[Path, ...],
    over: str,
    *,
    output: Path | None,
    print_json: bool,
    reference: str | None,
    seed: int,
    judge: str,
    rules_only: bool,
    choice: str,
) -> None:
    """The joint fit, which has options of its own: any other than these is refused."""
    _refuse_others("--over", _OWN)
    facets = read_facets(over)
    choices, where = choices_of(inputs, judge=judge, rules_only=rules_only, choice=choice)
    with Console(stderr=True).status("Fitting"):
        found = over_records(choices, facets, reference=reference, seed=seed, where=where)
    console = Console() if sys.stdout.isatty() else Console(width=_WIDE)
    report_over(found, output=output, print_json=print_json, console=console)


def from_a_zero(
    inputs: tuple[Path, ...],
    zero: str,
    *,
    output: Path | None,
    print_json: bool,
    seed: int,
    judge: str,
    rules_only: bool,
) -> None:
    """The fit with a zero, of choices and yes_no ratings."""
    _refuse_others("--zero", (*_OWN, "over", "reference", "choice"))
    read = read_records(inputs, progress=True, judge=judge, rules_only=rules_only)
    for note in read.notes():
        echo(note, err=True)
    where = ", ".join(map(str, inputs))
    with Console(stderr=True).status("Fitting"):
        found = from_zero(read.frame, zero, seed=seed, where=where)
    console = Console() if sys.stdout.isatty() else Console(width=_WIDE)
    report_zero(found, output=output, print_json=print_json, console=console)


def _refuse_others(asked: str, names: Iterable[str]) -> None:
    """UsageError for an option of another fit."""
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            shown = next(one for one in context.command.params if one.name == name).opts[0]
            raise UsageError(f"{shown} with {asked}; its fit has none of the kind")
