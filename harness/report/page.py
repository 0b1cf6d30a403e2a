"""The report as one HTML file that needs nothing beside it.

Names of items, raters and templates may hold anything: the template escapes all of them, and a
content security policy forbids any script but the page's own, and anything from elsewhere.
"""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files

import msgspec
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from harness.report.parts.hover import Mark
from harness.report.parts.style import Plot
from harness.report.parts.table import Section, Table
from harness.report.room import fitting
from harness.report.rows import View, views
from harness.report.sources import Sources
from harness.screen import visible

__all__ = ["Report", "page"]

_MARKS_ROOM = 700_000
"""Characters that the values under the pointer may take, all figures together."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A whole report. `facts` are (value, what it counts) of the first screen; `sentences` at most
    five findings in words; `findings` the tables of main findings. `opening` is the name of the
    figure beside the sentences, by default the first; `sources` say which logs are behind a row;
    `clear` is said in place of cautions where there are none."""

    title: str
    subtitle: str
    facts: Sequence[tuple[str, str]]
    findings: Sequence[Table]
    cautions: Sequence[str]
    sections: Sequence[Section]
    footer: str
    sentences: Sequence[str] = ()
    opening: str = ""
    sources: Sources | None = None
    clear: str = (
        "Nothing to warn of: all logs were read whole, and nearly every question was answered."
    )

    def plots(self) -> list[Plot]:
        """All figures, in the order of the page."""
        return [plot for section in self.sections for plot in section.all_plots()]

    def tables(self) -> list[Table]:
        """All tables, in the order of the page."""
        inside = [table for section in self.sections for table in section.all_tables()]
        return [*self.findings, *inside]

    def opener(self) -> Plot | None:
        """The figure that the page opens with."""
        plots = self.plots()
        named = [plot for plot in plots if plot.name == self.opening]
        return next(iter([*named, *plots]), None)


def page(report: Report) -> str:
    """The HTML text."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    shown = views(report.findings, report.sections, report.sources)
    plots = report.plots()
    most = fitting([[_length(mark) for mark in plot.marks] for plot in plots], _MARKS_ROOM // 2)
    environment.filters |= {"embedded": _embedded, "marked": lambda plot: _marked(plot, most)}

    def view(table: Table) -> View:
        return shown[table.name]

    here = files("harness.report")
    template = environment.from_string((here / "page.html.j2").read_text(encoding="utf-8"))
    css, script = ((here / f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    script = visible(script)
    html = template.render(
        report=report,
        css=css,
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        opening=report.opener(),
        view=view,
    )
    return visible(html.encode("utf-8", "replace").decode("utf-8"))


def _embedded(plot: Plot) -> Markup:
    """The figure as images that hold themselves, one for each width of screen.

    As an image, nothing in it can run.
    """
    image = Markup('<img src="{}" alt="{}">').format(_uri(plot.svg), plot.alt)
    slim = plot.narrow_svg
    if slim is None:
        return image
    source = Markup('<source media="(max-width: 700px)" srcset="{}">').format(_uri(slim))
    return Markup("<picture>{}{}</picture>").format(source, image)


def _uri(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode()


def _length(mark: Mark) -> int:
    return 20 + len(mark[2].encode())


def _marked(plot: Plot, most: int) -> Markup:
    """Attributes that hold the marks of the figure, of either width."""
    said = Markup("")
    for name, found in (("wide", plot.marks), ("narrow", plot.narrow_marks)):
        if found:
            text = msgspec.json.encode(found[:most]).decode()
            said += Markup(' data-{}="{}"').format(name, text)
    return said
