"""`penchant study diff`: two runs of one study side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.studies.comparing import Compared

__all__ = ["diff"]


@click.command()
@click.argument("first", metavar="RUN_A", type=click.Path(path_type=Path))
@click.argument("second", metavar="RUN_B", type=click.Path(path_type=Path))
@click.option("--all", "everything", is_flag=True, help="Also what does not differ.")
@click.option("-o", "--output", metavar="FILE.csv", type=click.Path(path_type=Path),
              help="Write every compared quantity to a CSV.")  # fmt: skip
def diff(first: Path, second: Path, everything: bool, output: Path | None) -> None:
    """What differs between two runs of one study: their designs, and their estimates.

    Shown is what differs by more than its 95 % interval (--all: everything). Intervals take the
    runs for independent, so they are too wide where the same items were rated.

    \b
    penchant study diff studies/drift-may studies/drift-june
    penchant study diff studies/a studies/b --all -o differences.csv
    """
    from harness.report.parts.wording import shown
    from harness.studies.comparing import compare_runs

    found = compare_runs(first, second)
    console = Console(width=max(120, Console().width))
    for name, one, other in found.parameters:
        console.print(f"{name}: {_said(one)} | {_said(other)}", highlight=False, markup=False)
    chosen = [one for one in found.found if everything or one.apart]
    table = Table(box=None, pad_edge=False)
    for heading in ("table", "of", "quantity", "A", "B", "B − A"):
        table.add_column(heading)
    for row in chosen:
        values = [shown(value) for value in (row.first, row.second, row.difference)]
        table.add_row(row.table, row.row, row.quantity, *values)
    if chosen:
        console.print(table, highlight=False, markup=False)
    apart = sum(one.apart for one in found.found)
    by_chance = 0.05 * len(found.found)
    click.echo(
        f"{apart} of {len(found.found)} quantities differ by more than their interval; where "
        f"nothing differs, at most about {by_chance:.0f} would"
    )
    if any(found.alone):
        click.echo(f"rows of one run alone: {found.alone[0]} of A, {found.alone[1]} of B")
    if output is not None:
        _write(output, found.found)


def _write(path: Path, found: Sequence["Compared"]) -> None:
    import polars as pl

    from harness.items.formulas import defused_table

    rows = [
        {"table": one.table, "row": one.row, "quantity": one.quantity}
        | {
            f"{name}{part}": getattr(value, field)
            for name, value in (("a", one.first), ("b", one.second), ("diff", one.difference))
            for part, field in (("", "estimate"), ("_low", "low"), ("_high", "high"), ("_n", "n"))
        }
        for one in found
    ]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        defused_table(pl.DataFrame(rows)).write_csv(path)
    except OSError as error:
        raise UsageError(f"cannot write {str(path)!r}: {error.strerror}") from None


def _said(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
