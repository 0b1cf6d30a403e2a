"""`penchant records`: logs to one table."""

from pathlib import Path

import click
import polars as pl
from rich import box
from rich.table import Table
from rich.text import Text

from harness.cli.reading import judge_options
from harness.errors import UsageError
from harness.records.files import WRITERS, write_table
from harness.records.logs import LogRecords, read_records
from harness.screen import Console, echo
from harness.text.answer import OUTCOMES

__all__ = ["records"]


@click.command()
@click.argument("logs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"File to write; its ending is one of {', '.join(WRITERS)}.",
)
@judge_options
@click.option("--cache/--no-cache", default=True, help="Keep what was read for the next time.")
def records(
    logs: tuple[Path, ...], output: Path | None, judge: str, rules_only: bool, cache: bool
) -> None:
    """Collect the records of LOGS in one table: one row a measurement.

    LOGS is a file, a folder or several of either: Inspect logs, or tables written by this
    command. Retried samples count once, from the newest log of their task. What was read is kept
    by content in the folder that PENCHANT_CACHE names (default ~/.cache/penchant).

    \b
    penchant records logs/ -o records.parquet
    """
    if output is not None and output.suffix.lower() not in WRITERS:
        raise UsageError(
            f"cannot write {str(output)!r}; expected a name ending in {', '.join(WRITERS)}"
        )
    read = read_records(logs, progress=True, cache=cache, judge=judge, rules_only=rules_only)
    console = Console()
    console.print(_outcomes(read.frame))
    for note in read.notes():
        echo(note, err=True)
    echo(_counts(read))
    if output is not None:
        write_table(read.frame, output)
        echo(f"written: {output}")


def _outcomes(frame: pl.DataFrame) -> Table:
    """Outcomes by rater and template, as counts."""
    table = Table(title="Outcomes", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("rater, template", overflow="fold")
    for name in ("records", *OUTCOMES):
        table.add_column(name, justify="right", no_wrap=True)
    groups = frame.group_by("rater", "template").agg(
        pl.len(), *((pl.col("outcome") == outcome).sum().alias(outcome) for outcome in OUTCOMES)
    )
    for rater, template, *counts in groups.sort("rater", "template").iter_rows():
        asked = Text.assemble((rater, "bold"), "\n", template)
        table.add_row(asked, *(Text(str(count)) for count in counts))
    return table


def _counts(read: LogRecords) -> str:
    used = sum(1 for log in read.logs if log.rows)
    samples = sum(log.samples for log in read.logs)
    lost = sum(log.unreadable for log in read.logs)
    text = f"{read.frame.height} records from {used} of {len(read.logs)} logs, {samples} samples"
    return f"{text}, {lost} samples not readable" if lost else text
