"""`penchant reliability`: how far ratings can be trusted."""

import json
import sys
from pathlib import Path

import click
import polars as pl
from rich import box
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from harness.analysis.drawn import DRAWN, taken_together
from harness.cli.reading import judge_options
from harness.errors import UsageError
from harness.prompts.toml import read_template
from harness.records.files import WRITERS, write_table
from harness.records.logs import read_records
from harness.records.pooling import groups, labels
from harness.records.rating_file import is_rating_file, read_rating_file
from harness.screen import Console, echo
from harness.stats.intervals import Bootstrap, Estimate
from harness.stats.ratings.levels import declared_levels, parse_levels
from harness.stats.ratings.reliability import (
    Levels,
    Reliability,
    as_json,
    as_table,
    item_table,
    reliabilities,
)

__all__ = ["reliability"]

_SHORT = (
    "answered",
    "modal_share",
    "kl_uniform_normalised",
    "icc",
    "cross_seed_r",
    "consistency",
)
"""Quantities shown when there are several groups; `-o` and `--json` have them all."""

_WIDE = 140

_File = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--levels", help="Declared levels: 1,2,3,4,5 or 1..100.")
@click.option(
    "--template",
    "templates",
    multiple=True,
    type=_File,
    help="A TOML template of the ratings, for its levels; may be repeated.",
)
@click.option("--by", multiple=True, type=click.Choice(["origin"]), help="Split groups further.")
@click.option("--json", "print_json", is_flag=True, help="Print one JSON object a quantity.")
@click.option("-o", "--output", type=_File, help=f"Write the table: {', '.join(WRITERS)}.")
@judge_options
@click.option("--items", type=_File, help="Write the items, most consistent first.")
@click.option("--resamples", default=1000, show_default=True, type=click.IntRange(0, 1_000_000))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
def reliability(
    inputs: tuple[Path, ...],
    levels: str | None,
    templates: tuple[Path, ...],
    by: tuple[str, ...],
    print_json: bool,
    output: Path | None,
    judge: str,
    rules_only: bool,
    items: Path | None,
    resamples: int,
    seed: int,
) -> None:
    """Reliability of ratings: outcomes, spread, ICC, agreement of repeats, consistency.

    INPUTS is logs, folders of logs or tables of records, or one CSV or TSV with
    columns item,seed,value[,origin][,outcome]. Each combination of rater, template, settings and
    conditions is a group of its own: nothing is pooled but the wordings and contexts that a run
    drew (-T wordings=4), which are one group with their number. Levels of built-in templates are
    known; for a CSV give --levels. Intervals are 95 %: bootstrap over items unless named otherwise,
    F for icc_1_1 to icc_c_k.

    \b
    penchant reliability ratings.csv --levels 1,2,3,4,5
    penchant reliability logs/ --by origin -o reliability.csv
    """
    files = [file for file in (output, items) if file is not None]
    for file in files:
        if file.suffix.lower() not in WRITERS:
            raise UsageError(
                f"cannot write {str(file)!r}; expected a name ending in {', '.join(WRITERS)}"
            )
    given = parse_levels(levels) if levels is not None else None
    known: Levels | tuple[float, ...] = given or declared_levels(map(read_template, templates))
    frame, notes = _read(inputs, given, judge=judge, rules_only=rules_only)
    for note in notes:
        echo(note, err=True)
    by = (*by, *_drawn(frame))
    found = _compute(frame, known, by, Bootstrap(seed=seed, resamples=resamples))
    if output is not None:
        write_table(as_table(found), output)
    if items is not None:
        write_table(item_table(frame, levels=known, by=by), items)
    if print_json:
        echo(json.dumps(as_json(found), indent=1, ensure_ascii=False))
    else:
        _show(found)
    for file in files:
        echo(f"written: {file}", err=print_json)


def _read(
    inputs: tuple[Path, ...], levels: tuple[float, ...] | None, *, judge: str, rules_only: bool
) -> tuple[pl.DataFrame, list[str]]:
    """Rating records of INPUTS, and lines about what was passed over."""
    plain = [path for path in inputs if path.is_file() and is_rating_file(path)]
    if plain and len(inputs) > 1:
        raise UsageError(f"{str(plain[0])!r} is a plain CSV of ratings; expected it alone")
    if plain:
        return read_rating_file(plain[0], levels=levels)
    read = read_records(inputs, progress=True, judge=judge, rules_only=rules_only)
    frame = read.frame.filter(pl.col("kind") == "rating")
    if len(frame) == 0:
        raise UsageError(f"no rating records in {', '.join(map(str, inputs))}")
    return taken_together(frame), read.notes()


def _drawn(frame: pl.DataFrame) -> tuple[str, ...]:
    """Columns that say how many wordings or contexts were drawn, where groups are not told apart
    by them anyway."""
    told = labels(frame)
    return tuple(
        name
        for name in DRAWN
        if name in frame.columns and name not in told and frame[name].is_not_null().any()
    )


def _compute(
    frame: pl.DataFrame,
    levels: Levels | tuple[float, ...],
    by: tuple[str, ...],
    bootstrap: Bootstrap,
) -> list[Reliability]:
    total = sum(1 for _ in groups(frame, extra=by))
    with Progress(console=Console(stderr=True), transient=True) as bar:
        found = reliabilities(frame, bootstrap=bootstrap, levels=levels, by=by)
        return list(bar.track(found, total=total, description=f"{total} groups of ratings"))


def _show(found: list[Reliability]) -> None:
    # Tables do not fold into 80 columns when they go to a file.
    console = Console() if sys.stdout.isatty() else Console(width=_WIDE)
    if len(found) == 1:
        console.print(_whole(found[0]))
        return
    console.print(_overview(found))
    echo("estimate [95 % interval]; -o FILE writes every quantity")


def _whole(one: Reliability) -> Table:
    title = ", ".join(f"{name} {value}" for name, value in one.group.items())
    table = Table(title=title or None, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("quantity", "estimate", "95 % interval", "n", "method", "note"):
        right = name in ("estimate", "95 % interval", "n")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for name, value in one.quantities.items():
        note = value.note
        if value.cells > 1 or value.undefined:
            counted = f"{value.cells} averaged, {value.undefined} left out"
            note = f"{note}; {counted}" if note else counted
        row = (name, _number(value.estimate), _interval(value), str(value.n), value.interval, note)
        table.add_row(*map(Text, row))
    return table


def _overview(found: list[Reliability]) -> Table:
    """One row a group."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in found[0].group:
        table.add_column(name, overflow="fold")
    for name in ("n", *_SHORT):
        table.add_column(name.replace("_", " "), justify="right", no_wrap=name != "n")
    for one in found:
        cells = [_short(one.quantities.get(name)) for name in _SHORT]
        items = str(one.quantities["answered"].n)
        values = ("none" if value is None else str(value) for value in one.group.values())
        table.add_row(*map(Text, (*values, items, *cells)))
    return table


def _short(value: Estimate | None) -> str:
    if value is None or value.estimate != value.estimate:
        return "–"
    interval = _interval(value)
    return f"{value.estimate:.2f}" + (f"\n{interval}" if interval else "")


def _number(value: float) -> str:
    return "–" if value != value else f"{value:.3f}"


def _interval(value: Estimate) -> str:
    if value.low != value.low or value.high != value.high:
        return ""
    return f"[{value.low:.2f}, {value.high:.2f}]"
