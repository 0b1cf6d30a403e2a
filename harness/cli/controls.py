"""`penchant controls`: steered estimates beside random directions."""

from pathlib import Path

import click
import numpy as np
import polars as pl
from rich import box
from rich.table import Table
from rich.text import Text

from harness.analysis.beside import BesideRandom, beside_random
from harness.errors import UsageError
from harness.records.files import WRITERS, write_table
from harness.records.logs import read_records
from harness.screen import Console, echo

__all__ = ["controls"]

_COLUMNS = ("shift", "position", "label_mass", "refusal", "coherence")


@click.command()
@click.argument("logs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--towards", metavar="ORIGIN", help="Shift of choices towards items of ORIGIN.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Write a row a direction: {', '.join(WRITERS)}.",
)
def controls(logs: tuple[Path, ...], towards: str | None, output: Path | None) -> None:
    """Is a steered estimate more than a push of that size?

    LOGS are of an eval of steering/… with -M controls=32: every question was asked besides
    unsteered, under 32 random directions of equal norm, and under 32 of equal norm and equal angle
    to the mean activation. The shift is the change against unsteered: of a choice the logit of the
    item that was pushed up, the position effect split off, of a rating its value. p is the
    vector's rank among directions. In the same table: the probability of an allowed answer, of a
    reply that opens with a refusal, and how likely the unsteered model finds what is written.

    \b
    inspect eval evals/pairwise.py --model steering/smollm2 -M vector=math -M coef=0.1 \\
        -M positions=contrast -M controls=32 -T readout=logprobs -T timing=pre -T block=8
    penchant controls logs/ -o controls.csv
    """
    if output is not None and output.suffix not in WRITERS:
        raise UsageError(
            f"cannot write {str(output)!r}; expected a name ending in {', '.join(WRITERS)}"
        )
    found = beside_random(read_records(list(logs), progress=True).frame, towards=towards)
    for one in found:
        _show(one)
    if output is not None:
        named = [
            one.table.select(
                *(pl.lit(value).alias(name) for name, value in one.cell.row.items()), pl.all()
            )
            for one in found
        ]
        write_table(pl.concat(named), output)
        echo(f"written: {output}")


def _show(one: BesideRandom) -> None:
    choice = one.cell.frame["kind"][0] == "choice"
    columns = [name for name in _COLUMNS if choice or name != "position"]
    units = "pairs in both orders" if choice else "items"
    title = f"{one.cell.name}: {one.units} {units}; side effects on {one.sides} questions"
    grid = Table(title=Text(title), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("direction", *columns):
        grid.add_column(name.replace("_", " "), justify="left" if name == "direction" else "right")
    for row in one.table.filter(~pl.col("kind").is_in(["random", "angled"])).iter_rows(named=True):
        shift = f"{row['shift']:+.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        cells = [_number(row[name]) for name in columns[1:]]
        grid.add_row(row["direction"], shift if row["kind"] == "vector" else "", *cells)
    for kind, said in (("random", "random"), ("angled", "at its angle")):
        own = one.table.filter(pl.col("kind") == kind)
        cells = [_range(own[name].to_numpy()) for name in columns]
        grid.add_row(f"{len(own)} {said}", *cells)
    Console(width=None if Console().is_terminal else 120).print(grid)
    echo(
        f"p by rank of |shift|: {one.p_random:.3f} among directions of equal norm, "
        f"{one.p_angled:.3f} among those at the same angle to the mean activation"
    )


def _number(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else "-"


def _range(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    known = values[np.isfinite(values)]
    if not len(known):
        return "-"
    return f"{known.mean():.3g} [{known.min():.3g}, {known.max():.3g}]"
