"""What `penchant utilities --zero` shows: utilities from a zero, and shares of items below it."""

from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from harness.cli.result import report_result
from harness.screen import Console
from harness.stats.zero.answers import OPTOUT
from harness.stats.zero.below import NOTABLE, ZerosApart
from harness.stats.zero.records import FromZero

__all__ = ["report_zero"]

_SHOWN = 10


def report_zero(
    found: FromZero, *, output: Path | None, print_json: bool, console: Console
) -> None:
    """Print the fit as tables or as one JSON object, and write its table where asked."""
    report_result(
        found.table,
        found.summary,
        shown=(_utilities(found), _below(found)),
        lines=_lines(found),
        output=output,
        print_json=print_json,
        console=console,
    )


def _utilities(found: FromZero) -> Table:
    grid = Table(
        title=f"{len(found.table)} items: utilities from {found.summary['zero']}",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for name in ("rank", "item", "utility", "95 % interval", "placed", "answers"):
        grid.add_column(name, justify="left" if name == "item" else "right", overflow="fold")
    rows = list(found.table.iter_rows(named=True))
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
            row["placed"] or "–",
            f"{row['answers']:,}",
        )
        grid.add_row(*map(Text, cells))
    return grid


def _below(found: FromZero) -> Table:
    grid = Table(
        title=f"share of items below {found.summary['zero']}",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for name in ("origin", "share", "95 % interval", "items"):
        grid.add_column(name, justify="left" if name == "origin" else "right")
    for one in found.shares:
        cells = (
            one.group or "all",
            f"{one.share:.2f}",
            f"[{one.low:.2f}, {one.high:.2f}]",
            f"{one.items:,}",
        )
        grid.add_row(*map(Text, cells))
    return grid


def _lines(found: FromZero) -> list[str]:
    summary = found.summary
    lines = [f"answers: {summary['answers']:,}"]
    for name in ("neither", "indifferent"):
        if summary[name]:
            lines[0] += f", of these {name} {summary[name]:,}"
    for name, value in summary["zeros"].items():
        if name != summary["zero"]:
            lines.append(f"zero {name} lies at {value:+.2f}")
    for one in found.zeros:
        verdict = "they differ" if one.p < 0.05 else "they may agree"
        lines.append(
            f"{one.other} above {one.one} by {one.apart:+.2f} [{one.low:.2f}, {one.high:.2f}], "
            f"p {one.p:.3f}: {verdict} (not corrected for several; zeros {one.detectable:.2f} "
            f"apart are found in .80 of such data{_more(found, one)})"
        )
    return lines + [f"note: {note}" for note in summary["notes"]]


def _more(found: FromZero, one: ZerosApart) -> str:
    """How many questions against the opt-out find zeros a notable distance apart."""
    if one.one != OPTOUT or one.detectable <= NOTABLE:
        return ""
    if one.questions is None:
        return f", {NOTABLE:g} apart by no number of questions against the opt-out alone"
    answers = found.fit.answers
    pairs = int(
        ((answers.first < len(answers.items)) & (answers.second < len(answers.items))).sum()
    )
    share = f", {100 * one.questions / pairs:.1f} % of those about pairs" if pairs else ""
    return f", {NOTABLE:g} apart by about {one.questions:,.0f} questions against the opt-out{share}"
