"""What `penchant utilities --over` shows: utilities over a universe of wordings and the like."""

from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from harness.cli.result import report_result
from harness.screen import Console
from harness.stats.facets.shares import Share
from harness.stats.facets.universe import Universe

__all__ = ["report_over", "share_table"]

_SHOWN = 10


def report_over(
    found: Universe, *, output: Path | None, print_json: bool, console: Console
) -> None:
    """Print the fit as tables or as one JSON object, and write its table where asked."""
    report_result(
        found.table,
        found.summary,
        shown=(_utilities(found), share_table(found.shares, "shares of variance of a choice")),
        lines=_lines(found.summary),
        output=output,
        print_json=print_json,
        console=console,
    )


def _utilities(found: Universe) -> Table:
    table, over = found.table, found.summary["over"]
    named = ", ".join(f"{name} ({len(levels)} drawn)" for name, levels in over.items())
    grid = Table(
        title=f"{len(table)} items: utilities over {named}, mean 0",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for name in ("rank", "item", "utility", "95 % interval", "rank interval", "comparisons"):
        grid.add_column(name, justify="left" if name == "item" else "right", overflow="fold")
    rows = list(table.iter_rows(named=True))
    cut = len(rows) > 2 * _SHOWN
    for row in [*rows[:_SHOWN], None, *rows[-_SHOWN:]] if cut else rows:
        if row is None:
            grid.add_row(*["…"] * 6)
            continue
        cells = (
            str(row["rank"]),
            row["item"],
            f"{row['utility']:.2f}",
            f"[{row['low']:.2f}, {row['high']:.2f}]",
            f"{row['rank_low']}–{row['rank_high']}",
            f"{row['comparisons']:,}",
        )
        grid.add_row(*map(Text, cells))
    return grid


def share_table(shares: list[Share], title: str) -> Table:
    """Sources with their shares, intervals, and whether each is more than 0."""
    grid = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("source", "variance", "share", "95 % interval", "more than 0"):
        grid.add_column(name, justify="left" if name == "source" else "right", overflow="fold")
    said = {True: "yes", False: "not at 5 %", None: ""}
    for share in shares:
        cells = (
            share.source,
            f"{share.variance:.2f}",
            f"{share.share:.3f}",
            f"[{share.low:.3f}, {share.high:.3f}]",
            said[share.found],
        )
        grid.add_row(*map(Text, cells))
    return grid


def _lines(summary: dict[str, Any]) -> list[str]:
    outcomes = ", ".join(f"{name} {count:,}" for name, count in summary["outcomes"].items())
    lines = [f"questions: {outcomes}"]
    if len(summary["position_effects"]) <= 12:
        lines += [
            f"position effect, {one['levels']}: {one['estimate']:+.3f} "
            f"[{one['low']:.3f}, {one['high']:.3f}]"
            for one in summary["position_effects"]
        ]
    lines.append(
        "expected rank correlation with the utilities over all levels that might have been drawn "
        f"{summary['expected_rho']:.3f}"
    )
    return lines + [f"note: {note}" for note in summary["notes"]]
