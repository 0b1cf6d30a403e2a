"""How a fit reaches the user: tables and lines, or one JSON object, and its table as a file."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
from rich.table import Table

from harness.records.files import write_table
from harness.screen import Console, echo

__all__ = ["report_result"]


def report_result(
    table: pl.DataFrame,
    summary: Mapping[str, Any],
    *,
    shown: Iterable[Table],
    lines: Iterable[str],
    output: Path | None,
    print_json: bool,
    console: Console,
) -> None:
    """Print `shown` and `lines`, or `summary` as one JSON object; write `table` where asked."""
    if output is not None:
        write_table(table, output)
    if print_json:
        echo(json.dumps(summary, indent=1, ensure_ascii=False))
    else:
        for one in shown:
            console.print(one)
        for line in lines:
            echo(line)
    if output is not None:
        echo(f"written: {output}", err=print_json)
