"""A report on disk: the page, its tables and figures, the log entry and the numbers."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from harness.items.formulas import defused_table
from harness.report.entry import asset_names, entry
from harness.report.page import Report, page

__all__ = ["write_report"]

_ASSETS = "assets"
_PARTS = ("tables", "figures", _ASSETS)


def write_report(
    report: Report,
    folder: Path,
    *,
    day: date,
    name: str,
    facts: dict[str, Any],
    step: Callable[[], None] = lambda: None,
) -> list[Path]:
    """Write everything; what is written, the page first. `step` is called after each figure.

    ::

        index.html              the page, self-contained
        NAME.md                 the research-log entry; its figures are assets/plot_MMDDYY_*.png
        report.json             `facts`, cautions, tables, and the numbers of every figure
        tables/*.csv            one a table
        figures/*.svg           one a figure

    Files that an earlier report wrote in the same folder are removed first, so that none of its
    figures is taken for one of this report.
    """
    _remove_earlier(folder)
    for part in _PARTS:
        (folder / part).mkdir(parents=True, exist_ok=True)
    for plot in report.plots():
        _ = plot.svg, plot.narrow_svg  # drawn here, so that the bar moves with it
        step()
    written = [
        _text(folder / "index.html", page(report)),
        _text(folder / f"{name}.md", entry(report, day=day, assets=_ASSETS)),
    ]
    assets = asset_names(report, day=day)
    for plot in report.plots():
        written.append(_bytes(folder / "figures" / f"{plot.name}.svg", plot.svg))
        written.append(_bytes(folder / _ASSETS / assets[plot.name], plot.png))
    for table in report.tables():
        written.append(_csv(folder / "tables" / f"{table.name}.csv", table.frame()))
    numbers = {
        **facts,
        "cautions": report.cautions,
        "tables": {table.name: table.rows for table in report.tables()},
        "figures": {
            plot.name: {"title": plot.title, "alt": plot.alt, "numbers": plot.numbers}
            for plot in report.plots()
        },
    }
    # NaN ("not defined") becomes null, which is what JSON has for it.
    written.append(folder / "report.json")
    numbers["files"] = [str(path.relative_to(folder)) for path in written]
    _bytes(folder / "report.json", msgspec.json.encode(numbers))
    return written


def _remove_earlier(folder: Path) -> None:
    """Remove what the folder's report.json says was written; nothing outside the folder's parts."""
    try:
        listed = msgspec.json.decode((folder / "report.json").read_bytes(), type=_Files).files
    except (OSError, msgspec.DecodeError):
        return
    for name in listed:
        path = folder / name
        if path.parent.resolve() in [(folder / part).resolve() for part in _PARTS]:
            path.unlink(missing_ok=True)


class _Files(msgspec.Struct):
    files: list[str] = []


def _csv(path: Path, table: pl.DataFrame) -> Path:
    defused_table(table).write_csv(path)
    return path


def _text(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", errors="replace")
    return path


def _bytes(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
