"""The report as one HTML file that needs nothing beside it.

Names of items, raters and templates may hold anything: the template escapes all of them, and a
content security policy forbids scripts and anything from elsewhere.
"""

import base64
import re
from collections.abc import Sequence
from importlib.resources import files

import msgspec
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from harness.report.parts.style import Plot
from harness.report.parts.table import Section, Table
from harness.screen import visible

__all__ = ["Report", "page"]

_MOST_ROWS = 2000
"""Rows of one table that the page holds; the CSV beside it holds all."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A whole report. `facts` are (value, what it counts) of the first screen; `findings` the
    tables of main findings."""

    title: str
    subtitle: str
    facts: Sequence[tuple[str, str]]
    findings: Sequence[Table]
    cautions: Sequence[str]
    sections: Sequence[Section]
    footer: str

    def plots(self) -> list[Plot]:
        """All figures, in the order of the page."""
        return [plot for section in self.sections for plot in section.all_plots()]

    def tables(self) -> list[Table]:
        """All tables, in the order of the page."""
        inside = [table for section in self.sections for table in section.all_tables()]
        return [*self.findings, *inside]


def page(report: Report) -> str:
    """The HTML text."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"embedded": _embedded, "interval": _interval}
    here = files("harness.report")
    template = environment.from_string((here / "page.html.j2").read_text(encoding="utf-8"))
    css = (here / "page.css").read_text(encoding="utf-8")
    html = template.render(report=report, css=css, most=_MOST_ROWS)
    return visible(html.encode("utf-8", "replace").decode("utf-8"))


def _embedded(plot: Plot) -> str:
    """The figure as a data URI. As an image, nothing in it can run."""
    return "data:image/svg+xml;base64," + base64.b64encode(plot.svg).decode()


def _interval(cell: str) -> Markup:
    """A table's cell with its interval set back."""
    found = re.fullmatch(r"(.*\S) (\[[^\[\]]*, [^\[\]]*\])", cell)
    if not found:
        return escape(cell)
    return Markup('{} <span class="ci">{}</span>').format(*found.groups())
