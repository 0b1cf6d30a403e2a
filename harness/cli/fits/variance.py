"""`penchant variance`: where the differences between answers come from, and which design pays."""

import json
import sys
from pathlib import Path

import click
import polars as pl
from rich import box
from rich.table import Table
from rich.text import Text

from harness.cli.fits.over import share_table
from harness.cli.numbers import FiniteRange
from harness.cli.reading import judge_options
from harness.errors import UsageError
from harness.records.files import WRITERS, write_table
from harness.records.logs import read_records
from harness.screen import Console, echo
from harness.stats.facets.columns import FACETS, read_facets
from harness.stats.facets.components import Components, choice_components, rating_components
from harness.stats.facets.design import Proposal
from harness.stats.facets.flips import Flips
from harness.stats.facets.rating_design import RatingProposal

__all__ = ["variance"]

_WIDE = 120


@click.command()
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--over",
    metavar="FACETS",
    help=f"Some of {', '.join(FACETS)}; by default all that vary but the rater.",
)
@click.option(
    "--width",
    type=FiniteRange(min=0, min_open=True),
    help="Design study: the cheapest designs whose 95 % intervals are this wide to either side, "
    "in units of an answer's noise (choices) or of the scale's length (ratings).",
)
@click.option(
    "--cost",
    type=FiniteRange(min=0, min_open=True),
    help="Price of one answer, for the design study; by default answers are counted.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Write the table of shares: {', '.join(WRITERS)}.",
)
@click.option("--json", "print_json", is_flag=True, help="Print one JSON list, an object a kind.")
@judge_options
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
def variance(
    inputs: tuple[Path, ...],
    over: str | None,
    width: float | None,
    cost: float | None,
    output: Path | None,
    print_json: bool,
    judge: str,
    rules_only: bool,
    seed: int,
) -> None:
    """Shares of variance: item, item × facet, order, pair, noise, with 95 % intervals.

    INPUTS is logs, folders of logs or tables of records, of one rater, in which some facets have
    several levels. Choices and ratings each get their shares, the generalizability coefficient
    (reliability of the items' values over all levels that might have been drawn), and choices how
    often a preference turns round when a level changes. With --width, which mix of levels and
    comparisons (or repeats) gives intervals of that width for the least money.

    \b
    penchant variance logs/ --over wording,context
    penchant variance logs/ --width 0.8 --cost 0.0004
    """
    if output is not None and output.suffix.lower() not in WRITERS:
        raise UsageError(
            f"cannot write {str(output)!r}; expected a name ending in {', '.join(WRITERS)}"
        )
    facets = None if over is None else read_facets(over)
    read = read_records(inputs, progress=True, judge=judge, rules_only=rules_only)
    for note in read.notes():
        echo(note, err=True)
    where = ", ".join(map(str, inputs))
    known = {"choice": choice_components, "rating": rating_components}
    kinds = [kind for kind in known if (read.frame["kind"] == kind).any()]
    if not kinds:
        raise UsageError(f"no records in {where}")
    with Console(stderr=True).status("Fitting"):
        found = [
            known[kind](read.frame, facets, width=width, price=cost, seed=seed, where=where)
            for kind in kinds
        ]
    if output is not None:
        write_table(_table(found), output)
    if print_json:
        echo(json.dumps([one.as_json() for one in found], indent=1, ensure_ascii=False))
    else:
        for one in found:
            _show(one, width, priced=cost is not None)
    if output is not None:
        echo(f"written: {output}", err=print_json)


def _table(found: list[Components]) -> pl.DataFrame:
    rows = [
        {"kind": one.kind, **{name: getattr(share, name) for name in _COLUMNS}}
        for one in found
        for share in one.shares
    ]
    return pl.DataFrame(rows)


_COLUMNS = ("source", "variance", "share", "low", "high", "found")


def _show(one: Components, width: float | None, *, priced: bool) -> None:
    console = Console() if sys.stdout.isatty() else Console(width=_WIDE)
    levels = ", ".join(f"{n} {name}s" for name, n in zip(one.facets, one.levels, strict=True))
    console.print(
        share_table(
            one.shares, f"{one.answers:,.10g} {one.kind}s of {one.items} items under {levels}"
        )
    )
    estimate, low, high = one.generalizability
    echo(f"generalizability coefficient {estimate:.3f} [{low:.3f}, {high:.3f}]")
    if one.flips:
        console.print(_flips(one.flips))
    if width is not None:
        if one.designs:
            console.print(_designs(one.designs, priced=priced))
        else:
            echo(f"no design gives {one.kind} intervals of ± {width:g}")
    for note in one.notes:
        echo(f"note: {note}")


def _flips(found: list[Flips]) -> Table:
    grid = Table(
        title="turned round when the level changes", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for name in ("facet", "preference", "95 % interval", "answers", "answers counted", "of"):
        grid.add_column(name, justify="left" if name == "facet" else "right")
    for one in found:
        counted = f"{one.counted:.3f}" if one.pairs else "–"
        cells = (
            "(same levels)" if one.source == "repeat" else one.source,
            f"{one.preference:.3f}",
            f"[{one.preference_low:.3f}, {one.preference_high:.3f}]",
            f"{one.answers:.3f}",
            counted,
            f"{one.pairs:,.10g}",
        )
        grid.add_row(*map(Text, cells))
    return grid


def _designs(designs: object, *, priced: bool) -> Table:
    grid = Table(title="designs, cheapest first", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("levels", "an item", "answers", "± of an interval", "price"):
        grid.add_column(name, justify="right")
    assert isinstance(designs, list)
    for one in designs:
        if isinstance(one, Proposal):
            levels, each = one.design.levels, f"{one.design.each} comparisons"
            answers = one.design.comparisons
        else:
            assert isinstance(one, RatingProposal)
            levels, each, answers = one.levels, f"{one.seeds} seeds a level", one.ratings
        price = f"{one.price:,.2f}" if priced else "–"
        cells = (str(levels), each, f"{answers:,}", f"{one.half_width:.3f}", price)
        grid.add_row(*map(Text, cells))
    return grid
