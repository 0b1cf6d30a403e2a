"""`penchant judgements`: what judges said, as one table."""

from pathlib import Path

import click
from rich import box
from rich.table import Table
from rich.text import Text

from harness.analysis.judgements import JudgedKind, dropped_items, judged_kinds
from harness.errors import UsageError
from harness.records.files import WRITERS, write_table
from harness.records.logs import read_records
from harness.report.parts.wording import shown
from harness.screen import Console, echo

__all__ = ["judgements"]


@click.command()
@click.argument("logs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"File to write; its ending is one of {', '.join(WRITERS)}.",
)
def judgements(logs: tuple[Path, ...], output: Path | None) -> None:
    """Collect the judgements of LOGS in one table: one row a judge, text, kind and repeat.

    `subject` is the hash of the text, which records have as completion_hash (of what was done
    after a choice: reply_hash). The rule is a judge called `rule`.

    \b
    inspect score LOG --scorer refusal --action append --overwrite --model-role judge=MODEL
    penchant judgements logs/ -o judgements.parquet
    penchant report logs/ -o report/ --judge MODEL
    """
    if output is not None and output.suffix not in WRITERS:
        raise UsageError(
            f"cannot write {str(output)!r}; expected a name ending in {', '.join(WRITERS)}"
        )
    read = read_records(logs, progress=True)
    console = Console()
    console.print(_table(judged_kinds(read.judgements)))
    for note in read.notes():
        echo(note, err=True)
    dropped = dropped_items(read.judgements)["item"].n_unique()
    left_out = f", {dropped} items left out of measurement" if dropped else ""
    echo(f"{read.judgements.height} judgements from {len(read.logs)} logs{left_out}")
    if output is not None:
        write_table(read.judgements, output)
        echo(f"written: {output}")


def _table(kinds: list[JudgedKind]) -> Table:
    table = Table(title="Judgements", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("kind, judge", overflow="fold", min_width=22)
    for name in ("texts", "failed", "yes", "mean", "κ with rule"):
        table.add_column(name, justify="right")
    for one in kinds:
        name = one.judge if not one.identity else f"{one.judge}@{one.identity[:8]}"
        cells = (
            str(one.texts), str(one.failed), shown(one.yes, "share"), shown(one.mean, "number"),
            shown(one.kappa, "number"),
        )  # fmt: skip
        table.add_row(Text.assemble((one.kind, "bold"), "\n", name), *map(Text, cells))
    return table
