"""`penchant changes`: the items that moved most between two conditions."""

from pathlib import Path

import click
import polars as pl
from rich import box
from rich.table import Table
from rich.text import Text

from harness.analysis.changes import changes as changes_of
from harness.analysis.names import short
from harness.cli.reading import judge_options
from harness.errors import UsageError
from harness.measuring.completions import kept_completions
from harness.measuring.journal import journal_directory
from harness.records.files import WRITERS, write_table
from harness.records.logs import find_logs, read_records
from harness.records.texts import texts_of
from harness.screen import Console, echo

__all__ = ["changes"]

_LOG = (".eval", ".json")


@click.command()
@click.argument("log_a", type=click.Path(path_type=Path))
@click.argument("log_b", type=click.Path(path_type=Path))
@click.option("-n", "count", default=10, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--texts",
    "more",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Logs of completions in which to look for texts as well.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Write all items: {', '.join(WRITERS)}.",
)
@judge_options
def changes(
    log_a: Path,
    log_b: Path,
    count: int,
    more: tuple[Path, ...],
    output: Path | None,
    judge: str,
    rules_only: bool,
) -> None:
    """Show the items whose rating moved most from LOG_A to LOG_B, with both completions.

    Each side is logs of one measurement: one rater, template, settings and conditions. Ratings are
    normalised to 0..1; of choices the share in which an item was chosen. Beside each completion
    stands what the judge says of it.

    \b
    penchant changes logs/none.eval logs/hates_math.eval -o changes.csv
    """
    if output is not None and output.suffix not in WRITERS:
        raise UsageError(
            f"cannot write {str(output)!r}; expected a name ending in {', '.join(WRITERS)}"
        )
    logs = [file for file in find_logs([log_a, log_b, *more]) if file.suffix.lower() in _LOG]
    sides = [
        read_records([side], judge=judge, rules_only=rules_only, progress=True).frame
        for side in (log_a, log_b)
    ]
    judged = read_records([log_a, log_b, *more]).judgements
    hashes = pl.concat([side["completion_hash"] for side in sides]).drop_nulls()
    wanted = {part for joined in hashes.unique() for part in joined.split("+")}
    texts = {
        key: one.text
        for folder in {journal_directory(str(log)) for log in logs}
        for key, one in kept_completions(folder).items()
    }
    if not wanted <= texts.keys():
        texts |= texts_of(logs, wanted)
    before, after = sides
    where = (str(log_a), str(log_b))
    table = changes_of(before, after, judged, texts, judge=judge, where=where)
    _show(table.head(count))
    if output is not None:
        write_table(table, output)
        echo(f"written: {output}")


def _show(table: pl.DataFrame) -> None:
    grid = Table(title="Largest changes", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("item", "a", "b", "change", "verdicts and completions, a then b"):
        grid.add_column(name, justify="right" if name in ("a", "b", "change") else "left",
                        overflow="fold")  # fmt: skip
    kinds = [name[:-2] for name in table.columns if name.endswith("_a")]
    kinds = [name for name in kinds if name not in ("rating", "n", "text")]
    for row in table.iter_rows(named=True):
        said = []
        for side in ("a", "b"):
            verdicts = ", ".join(
                f"{kind} {row[f'{kind}_{side}']}" for kind in kinds if row[f"{kind}_{side}"]
            )
            text = row[f"text_{side}"]
            shown = "(text not found)" if text is None else short(text, 160)
            said.append(f"[{verdicts}] {shown}" if verdicts else shown)
        cells = (row["item"], f"{row['rating_a']:.2f}", f"{row['rating_b']:.2f}",
                 f"{row['change']:+.2f}", "\n".join(said))  # fmt: skip
        grid.add_row(*map(Text, cells))
    Console().print(grid)
