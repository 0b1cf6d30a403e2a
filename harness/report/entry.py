"""The report as an entry of a research log: Markdown, with its figures in an assets folder."""

from collections.abc import Mapping
from datetime import date

from harness.report.page import Report
from harness.report.parts.style import Plot
from harness.report.parts.table import Section, Table, markdown_text

__all__ = ["asset_names", "entry"]

_ROWS = 12
"""Rows of a table that the entry shows."""


def asset_names(report: Report, *, day: date) -> dict[str, str]:
    """File name of each figure by its name: `plot_MMDDYY_name.png`."""
    return {plot.name: f"plot_{day:%m%d%y}_{plot.name}.png" for plot in report.plots()}


def entry(report: Report, *, day: date, assets: str) -> str:
    """The Markdown text; figures are linked as `assets`/plot_MMDDYY_name.png."""
    names = {name: f"{assets}/{file}" for name, file in asset_names(report, day=day).items()}
    lines = [f"## {day.isoformat()}: {markdown_text(report.title)}", ""]
    lines += [markdown_text(report.subtitle), ""]
    lines += [
        ", ".join(f"{markdown_text(value)} {markdown_text(what)}" for value, what in report.facts)
        + ".",
        "",
    ]
    lines += [f"{at}. {markdown_text(line)}" for at, line in enumerate(report.sentences, 1)]
    lines += [""] if report.sentences else []
    opening = report.opener()
    if opening is not None:
        lines += _plot(opening, names)
    for table in report.findings:
        lines += _table(table)
    if report.cautions:
        lines += ["**Before you believe it**", ""]
        lines += [f"- {markdown_text(caution)}" for caution in report.cautions] + [""]
    shown = {opening.name} if opening is not None else set()
    for section in report.sections:
        lines += _section(section, names, depth=3, but=shown)
    lines += [markdown_text(report.footer), ""]
    return "\n".join(lines)


def _section(section: Section, names: Mapping[str, str], *, depth: int, but: set[str]) -> list[str]:
    """A section without the figures that were shown above."""
    if not (section.all_plots() or section.text or depth == 3):
        return []
    lines = [f"{'#' * depth} {markdown_text(section.title)}", ""]
    for text in section.text:
        lines += [markdown_text(text), ""]
    for plot in section.plots:
        lines += [] if plot.name in but else _plot(plot, names)
    if depth == 3:
        for table in section.tables:
            lines += _table(table)
    for part in section.parts:
        lines += _section(part, names, depth=depth + 1, but=but)
    return lines


def _plot(plot: Plot, names: Mapping[str, str]) -> list[str]:
    return [
        f"![{markdown_text(plot.title)}]({names[plot.name]})",
        "",
        f"*{markdown_text(plot.title)}.* {markdown_text(plot.caption)}",
        "",
    ]


def _table(table: Table) -> list[str]:
    return [f"**{markdown_text(table.title)}**", "", table.markdown(rows=_ROWS), ""]
