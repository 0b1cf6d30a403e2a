"""What `penchant utilities` shows: the items with their intervals, and what is known of the fit."""

import sys
from typing import Any

import polars as pl
from rich import box
from rich.table import Table
from rich.text import Text

from harness.screen import Console, echo
from harness.stats.choices.utilities import Analysis

__all__ = ["show_utilities"]

_GROUP_MEANS = {"origin": "origins' means", "graph": "the graph's loose parts"}
_SHOWN = 10
_WIDE = 120


def show_utilities(result: Analysis, reference: str | None) -> None:
    """Print the table (its ends, where it is long) and the lines below it."""
    console = Console() if sys.stdout.isatty() else Console(width=_WIDE)
    table = result.table
    title = f"contrasts to {reference}" if reference else "utilities, mean 0"
    shown = (
        table if len(table) <= 2 * _SHOWN else pl.concat([table.head(_SHOWN), table.tail(_SHOWN)])
    )
    grid = Table(title=f"{len(table)} items: {title}", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("rank", "item", "utility", "95 % interval", "rank interval", "comparisons"):
        grid.add_column(name, justify="left" if name == "item" else "right", overflow="fold")
    for index, row in enumerate(shown.iter_rows(named=True)):
        if len(shown) < len(table) and index == _SHOWN:
            grid.add_row(*["…"] * 6)
        cells = (
            str(row["rank"]),
            row["item"],
            f"{row['utility']:.2f}",
            f"[{row['low']:.2f}, {row['high']:.2f}]",
            f"{row['rank_low']}–{row['rank_high']}",
            f"{row['comparisons']:,.10g}",
        )
        grid.add_row(*map(Text, cells))
    console.print(grid)
    for line in _lines(result.summary):
        echo(line)


def _lines(summary: dict[str, Any]) -> list[str]:
    outcomes = ", ".join(f"{name} {count:,.10g}" for name, count in summary["outcomes"].items())
    lines = [f"questions: {outcomes}"]
    if summary["position_effect"] is not None:
        lines.append(
            f"position effect {summary['position_effect']:+.3f} "
            f"[{summary['position_effect_low']:.3f}, {summary['position_effect_high']:.3f}], "
            f"first-choice rate {summary['first_choice_rate']:.3f}"
        )
    tau = "no prior" if summary["tau"] is None else f"prior sd {summary['tau']:.2f}"
    for name, sd in summary["group_sd"].items():
        tau += f", of {_GROUP_MEANS[name]} {sd:.2f}"
    if summary["expected_rho"] is None:
        lines.append(f"{tau}; no expected rank correlation: few comparisons tie the items together")
    else:
        lines.append(
            f"{tau}; expected rank correlation with the truth {summary['expected_rho']:.3f}, "
            f"within origins {summary['expected_rho_within_origin']:.3f}"
        )
    if summary["heldout_nll"] is not None:
        lines.append(
            f"held out ({summary['heldout_comparisons']:,.10g} comparisons): NLL "
            f"{summary['heldout_nll']:.3f}, accuracy {summary['heldout_accuracy']:.3f}"
        )
    for run in summary.get("sensitivity", ()):
        lines.append(
            f"{run['run']}: r {run['pearson']:.3f} over {run['items']} items, "
            f"largest change {run['largest_change']:.2f}"
        )
    return lines + [f"note: {note}" for note in summary["notes"]]
