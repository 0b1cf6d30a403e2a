"""`penchant items`: what would be measured, before anything is asked."""

import csv
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from harness.cli.listing import WholeGroup
from harness.errors import UsageError
from harness.items.formulas import defused
from harness.items.load import ItemSet, load_items
from harness.screen import Console, echo

__all__ = ["items"]

Command = Callable[..., None]


@click.group(cls=WholeGroup)
def items() -> None:
    """List, count and export items: the task prompts that are measured.

    \b
    SPEC is what `-T items=SPEC` of an eval takes:
      builtin, builtin:math         written for this project
      alpaca, wildchat, math        from the Hugging Face hub (also stress_test)
      bailbench:FILE.csv            a source's own file
      mine.jsonl:text=prompt        any JSONL or CSV, with a field map
    Several are joined by "+".
    """


def _choosing(command: Command) -> Command:
    """Give `command` the options that choose items, and the chosen set as its first argument."""

    @click.option("--items", "spec", default="builtin", show_default=True, help="Which items.")
    @click.option("--per-origin", type=int, help="At most this many of each origin.")
    @click.option("--sample-seed", default=0, show_default=True, help="Seed of that sample.")
    @functools.wraps(command)
    def wrapped(spec: str, per_origin: int | None, sample_seed: int, **options: Any) -> None:
        found = load_items(spec, per_origin=per_origin, sample_seed=sample_seed, base=Path.cwd())
        command(found, **options)

    return wrapped


@items.command("list")
@_choosing
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, texts in full.")
def list_items(found: ItemSet, *, as_json: bool) -> None:
    """List items: id, origin and the start of the text.

    \b
    penchant items list --items builtin:wildchat
    """
    if as_json:
        for row in _rows(found):
            echo(json.dumps(row, ensure_ascii=False))
        return
    table = Table("id", "origin", "text", box=None)
    for item in found.items:
        table.add_row(item.id, item.origin, escape(_start(item.text)))
    Console().print(table)
    _say_left_out(found)


@items.command()
@_choosing
@click.option("--json", "as_json", is_flag=True, help="Counts as one JSON object.")
def count(found: ItemSet, *, as_json: bool) -> None:
    """Count items by origin, and what was left out.

    \b
    penchant items count --items builtin+bailbench:bailBench.csv
    """
    if as_json:
        total = {"total": len(found.items), "origins": found.origins}
        echo(json.dumps({**total, "duplicates": found.duplicates, "skipped": found.skipped}))
        return
    table = Table("origin", "items", box=None)
    table.columns[1].justify = "right"
    for origin, number in found.origins.items():
        table.add_row(origin, f"{number:,}")
    table.add_row("total", f"{len(found.items):,}", style="bold")
    Console().print(table)
    _say_left_out(found)


@items.command()
@_choosing
@click.option(
    "-o", "target", type=click.Path(path_type=Path), required=True, help="FILE.jsonl or FILE.csv."
)
def export(found: ItemSet, *, target: Path) -> None:
    """Write items as JSONL or CSV with the fields id, text, origin, ready for `-T items=FILE`.

    \b
    penchant items export --per-origin 20 -o items.jsonl
    """
    writers = {".jsonl": _write_jsonl, ".csv": _write_csv}
    if target.suffix not in writers:
        raise UsageError(f"-o {target}: unknown ending; expected .jsonl or .csv")
    try:
        writers[target.suffix](target, _rows(found))
    except OSError as error:
        raise UsageError(f"-o {target}: {error.strerror}") from None
    echo(f"wrote {len(found.items):,} items to {target}", err=True)
    _say_left_out(found)


def _rows(found: ItemSet) -> list[dict[str, str]]:
    return [{"id": item.id, "text": item.text, "origin": item.origin} for item in found.items]


def _write_jsonl(target: Path, rows: list[dict[str, str]]) -> None:
    with target.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _write_csv(target: Path, rows: list[dict[str, str]]) -> None:
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ("id", "text", "origin"))
        writer.writeheader()
        writer.writerows({name: defused(cell) for name, cell in row.items()} for row in rows)


def _say_left_out(found: ItemSet) -> None:
    if found.duplicates or found.skipped:
        echo(
            f"left out: {found.duplicates:,} with a text that came before, "
            f"{found.skipped:,} with an empty text",
            err=True,
        )


def _start(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else line[:79] + "…"
