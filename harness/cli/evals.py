"""`penchant evals`: the measurements that there are, and what each can be told."""

import sys

import click
from rich.table import Table

from evals.listing import Option, eval_named
from evals.listing import evals as all_evals
from harness.screen import Console, echo

__all__ = ["evals"]

_WIDE = 120
"""Columns where the output is no terminal."""


@click.command()
@click.argument("name", required=False)
def evals(name: str | None) -> None:
    """List the evals; with NAME, one eval's options with defaults and meaning.

    \b
    penchant evals
    penchant evals pairwise
    penchant evals utilities
    """
    console = Console() if sys.stdout.isatty() else Console(width=_WIDE)
    if name is None:
        console.print(_list(), highlight=False)
        echo("\nOptions of one: penchant evals NAME")
        return
    found = eval_named(name)
    echo(found.asks)
    if found.more:
        echo("\n" + click.wrap_text(found.more, width=console.width))
    echo(f"\ninspect eval {found.address} --model PROVIDER/MODEL -T OPTION=VALUE …")
    own = [one for one in found.options if one.own]
    if own:
        echo(f"\nOptions of {found.name}:")
        console.print(_options(own), highlight=False)
    echo("\nOptions of every eval:")
    console.print(_options([one for one in found.options if not one.own]), highlight=False)


def _list() -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("eval", "asks", "inspect eval …"):
        table.add_column(heading, no_wrap=heading != "asks")
    for one in all_evals():
        table.add_row(one.name, one.asks, one.address)
    return table


def _options(options: list[Option]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading, most in (("option", None), ("value", 22), ("default", 20), ("", None)):
        table.add_column(heading, max_width=most, overflow="fold")
    for one in options:
        table.add_row(one.name, one.allowed, one.default or "–", one.meaning)
    return table
