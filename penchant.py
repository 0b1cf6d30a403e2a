"""penchant from Python: logs to tables, reliabilities, utilities and a report, and whole studies.

    import penchant

    table = penchant.records("logs/")
    found = penchant.utilities(table.filter(rater="sim/faithful"))
    found.plot().save("utilities.png")
    penchant.utilities("logs/", over="wording")     # over all wordings that might have been drawn
    penchant.utilities("logs/", zero="optout")      # from a zero

    study = penchant.rehearse("sysprompt-3x3", small=True)
    study.tables["effects"]

LOGS is a path, a list of paths, or what was read before: a record table or what `read` gave.
Frames are polars'. Nothing heavy is imported before a name is used, and relative paths are meant
against the working directory at the moment of the call.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from harness.items.item import Item
    from harness.prompts.template import Template
    from harness.records.logs import LogRecords
    from harness.report.parts.style import Plot
    from harness.stats.choices.utilities import Analysis
    from harness.stats.facets.joint import JointFit
    from harness.stats.thurstone.fit import Fit
    from harness.stats.zero.fit import ZeroFit

__all__ = [
    "Reliability",
    "StudyRun",
    "Utilities",
    "fit",
    "items",
    "read",
    "records",
    "rehearse",
    "reliability",
    "report",
    "study",
    "template",
    "utilities",
]

Logs = Any
"""A path, a list of paths, a record table, or what `read` gave."""


@dataclass(frozen=True)
class _Result:
    """A table that shows itself in a notebook and goes to pandas where that is installed."""

    table: pl.DataFrame

    def _repr_html_(self) -> str:
        return str(self.table._repr_html_())

    def __str__(self) -> str:
        return str(self.table)

    def to_pandas(self) -> Any:
        """The table for pandas; UsageError, in one line, where the extra is not installed."""
        from harness.errors import UsageError

        try:
            return self.table.to_pandas()
        except ModuleNotFoundError:
            raise UsageError(
                "to_pandas() needs pandas and pyarrow, which are not installed; "
                "pip install 'penchant[pandas]'"
            ) from None


@dataclass(frozen=True)
class Reliability(_Result):
    """One row a group and quantity: estimate, low, high, n, interval, note."""


@dataclass(frozen=True)
class Utilities(_Result):
    """One row an item, best first: utility with interval, rank interval, comparisons, origin; from
    a zero also whether the item is `placed` above or below it.

    `summary` has the position effect, expected ρ, held-out scores and notes; with `over` the
    shares of variance, from a `zero` the shares of items below it. `fit` is the model.
    """

    summary: dict[str, Any] = field(repr=False)
    fit: Fit | JointFit | ZeroFit = field(repr=False)

    def plot(self, *, title: str = "Utilities") -> Plot:
        """The items with their intervals, in order; a figure with `svg`, `png` and `save`."""
        from harness.report.parts.utility_plots import caterpillar

        drawn = caterpillar(self.table, name="utilities", title=title)
        zero = self.summary.get("zero")
        if zero is None:
            return drawn
        return replace(drawn, caption=drawn.caption.replace("Mean 0.", f"From {zero}."))


def read(logs: Logs, *, progress: bool = False, judge: str = "rule") -> LogRecords:
    """Records, judgements and what became of each log. UsageError for what cannot be read.

    `judge` names whose judgements say what a completion is.
    """
    from harness.records.logs import read_records

    paths = [logs] if isinstance(logs, str | Path) else list(logs)
    return read_records(paths, progress=progress, judge=judge)


def records(logs: Logs, *, progress: bool = False, judge: str = "rule") -> pl.DataFrame:
    """The record table: one row a measurement, columns as in `harness.records.record.SCHEMA`."""
    import polars as pl

    if isinstance(logs, pl.DataFrame):
        return logs
    if hasattr(logs, "frame"):
        found: LogRecords = logs
    else:
        found = read(logs, progress=progress, judge=judge)
    return found.frame


def items(
    spec: str = "builtin", *, per_origin: int | None = None, sample_seed: int = 0
) -> tuple[Item, ...]:
    """Items as `-T items=` takes them: each with `id`, `text`, `origin` and `hash`."""
    from harness.items.load import load_items

    return load_items(spec, per_origin=per_origin, sample_seed=sample_seed, base=Path.cwd()).items


def template(name: str) -> Template:
    """A template of the catalogue, or of a TOML file by its path."""
    from harness.prompts.catalogue import get_template

    return get_template(name, base=Path.cwd())


def reliability(
    logs: Logs, *, by: Sequence[str] = (), resamples: int = 1000, seed: int = 0
) -> Reliability:
    """Reliability of ratings, each rater, template and configuration apart; `by` splits further
    (`["origin"]`). Intervals by bootstrap over items. UsageError without ratings."""
    from harness.errors import UsageError
    from harness.stats.intervals import Bootstrap
    from harness.stats.ratings.levels import declared_levels
    from harness.stats.ratings.reliability import reliability_table

    table = records(logs)
    if not (table["kind"] == "rating").any():
        raise UsageError("no rating records among those given")
    bootstrap = Bootstrap(seed=seed, resamples=resamples)
    found = reliability_table(table, bootstrap=bootstrap, levels=declared_levels(), by=by)
    return Reliability(found)


def utilities(
    logs: Logs,
    *,
    reference: str | None = None,
    over: str | Sequence[str] | None = None,
    zero: str | None = None,
    seed: int = 0,
    **options: Any,
) -> Utilities:
    """Utilities from the choices of one rater and configuration; what differs is not pooled, and
    UsageError names it. `options` are those of `harness.stats.thurstone.fit.Options`.

    By default intervals are about the utility in the one wording that was asked. `over`
    (`"wording,context"`, or a list of facets) fits the utilities over all wordings that might
    have been drawn. `zero` (`"optout"`, `"neither"`, `"yes_no"` or an item's id) measures them from
    there, in the wordings that were asked. Either has a fit of its own, without `options`; with
    `zero` there is no `reference`.

        penchant.utilities("logs/", over="wording").summary["shares"]
        penchant.utilities("logs/", zero="optout").summary["below"]
    """
    from harness.errors import UsageError
    from harness.stats.choices.utilities import analyse_records
    from harness.stats.thurstone.fit import Options

    table = records(logs)
    if not (table["kind"] == "choice").any():
        raise UsageError("no choice records among those given")
    if zero is not None:
        others = {"over": over, "reference": reference}
        _refuse("zero", [*(name for name, value in others.items() if value is not None), *options])
        return _from_zero(table, zero, seed)
    if over is not None:
        _refuse("over", options)
        return _over(table, over, reference, seed)
    found = analyse_records(table, options=Options(**options), reference=reference, seed=seed)
    return Utilities(_with_origins(found), found.summary, found.fit)


def _refuse(asked: str, given: Iterable[str]) -> None:
    from harness.errors import UsageError

    names = ", ".join(given)
    if names:
        raise UsageError(f"{names} with {asked}; its fit has none of the kind")


def _over(
    table: pl.DataFrame, over: str | Sequence[str], reference: str | None, seed: int
) -> Utilities:
    from harness.stats.facets.columns import read_facets
    from harness.stats.facets.universe import over_records

    facets = read_facets(over if isinstance(over, str) else ",".join(over))
    where = "the records given"
    found = over_records(table, facets, reference=reference, seed=seed, where=where)
    return Utilities(_named(found.table), found.summary, found.fit)


def _from_zero(table: pl.DataFrame, zero: str, seed: int) -> Utilities:
    from harness.stats.zero.records import from_zero

    found = from_zero(table, zero, seed=seed, where="the records given")
    return Utilities(_named(found.table), found.summary, found.fit)


def _named(table: pl.DataFrame) -> pl.DataFrame:
    """Origins that are not known by that name, as everywhere."""
    import polars as pl

    known = pl.when(pl.col("origin") != "").then(pl.col("origin")).otherwise(pl.lit("unknown"))
    return table.with_columns(known.alias("origin"))


def _with_origins(found: Analysis) -> pl.DataFrame:
    import polars as pl

    origins = [origin or "unknown" for origin in found.origins]
    known = pl.DataFrame({"item": found.fit.data.items, "origin": origins})
    return found.table.join(known, on="item", how="left", maintain_order="left")


def fit(comparisons: pl.DataFrame | str | Path, **options: Any) -> Fit:
    """A Thurstonian fit of plain comparisons: a table, or a CSV or Parquet file, with columns
    first, second, choice[, count][, p_first]. `options` as for `utilities`."""
    from harness.stats.choices.questions import build, questions_from_table, read_questions
    from harness.stats.thurstone.fit import Options
    from harness.stats.thurstone.fit import fit as fit_comparisons

    if isinstance(comparisons, str | Path):
        questions = read_questions(Path(comparisons))
    else:
        questions = questions_from_table(comparisons, where="the comparisons given")
    return fit_comparisons(build(questions), Options(**options))


def report(
    logs: Logs,
    output: str | Path,
    *,
    name: str = "Overview",
    day: date | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Path:
    """Write a report on LOGS to the folder `output`; the path of its page."""
    import polars as pl

    from harness.analysis.names import slug
    from harness.records.logs import LogRecords
    from harness.report.folder import write_report
    from harness.stats.intervals import Bootstrap
    from harness.studies.overview import analysed_records, overview, overview_facts

    if isinstance(logs, pl.DataFrame):
        found = LogRecords(logs)
    else:
        found = logs if isinstance(logs, LogRecords) else read(logs)
    when = day or date.today()
    analysed = analysed_records(found, bootstrap=Bootstrap(seed=seed, resamples=resamples))
    built = overview(found, name=name, day=when, found=analysed)
    written = write_report(
        built,
        Path(output),
        day=when,
        name=slug(name),
        facts=overview_facts(found, name=name, day=when),
    )
    return written[0]


@dataclass(frozen=True)
class StudyRun:
    """What a study found: lines in words, its tables by name, its page, and `planted` as (known
    values in their intervals, known values) of a rehearsal."""

    lines: tuple[str, ...]
    page: Path
    planted: tuple[int, int] | None = None

    @cached_property
    def tables(self) -> dict[str, pl.DataFrame]:
        """Every table of the page; of an estimate the columns NAME, NAME_low, NAME_high, NAME_n."""
        import polars as pl

        from harness.items.formulas import restored_table

        return {
            path.stem: restored_table(pl.read_csv(path, infer_schema_length=None))
            for path in sorted((self.page.parent / "tables").glob("*.csv"))
        }

    def _repr_html_(self) -> str:
        lines = "".join(f"<li>{escape(line)}</li>" for line in self.lines)
        return f'<ul>{lines}</ul><a href="{escape(str(self.page))}">{escape(str(self.page))}</a>'


def study(
    name: str,
    output: str | Path | None = None,
    *,
    logs: Logs = None,
    rehearse: bool = False,
    small: bool = False,
    budget: float | None = None,
    yes: bool = False,
    processes: int = 1,
    **parameters: Any,
) -> StudyRun:
    """Run a named study in the folder `output` (`studies/NAME`), or analyse `logs` that hold it.

    The same call resumes. `parameters` are those that `penchant study show NAME` lists. Above
    10 000 calls, 5 dollars or without a price, `yes` or a `budget` in dollars starts it.
    UsageError for what cannot be done.
    """
    from harness.studies.catalogue import get_study
    from harness.studies.parameters import read_parameters
    from harness.studies.running import report_study, run_study

    found = get_study(name)
    values = read_parameters(found, parameters, small=small, rehearse=rehearse)
    folder = Path(output) if output is not None else Path("studies") / name
    if logs is not None:
        paths = [Path(logs)] if isinstance(logs, str | Path) else [Path(log) for log in logs]
        told = report_study(found, values, paths, folder, rehearsal=rehearse, day=date.today())
    else:
        told = run_study(
            found,
            values,
            folder,
            rehearsal=rehearse,
            budget=budget,
            go=lambda line: _started(yes),
            day=date.today(),
            say=lambda line: None,
            processes=processes,
        )
    return _run_of(list(told))


def rehearse(
    name: str, output: str | Path | None = None, *, small: bool = True, **given: Any
) -> StudyRun:
    """The same study on simulated models, planted beside measured; `given` as for `study`."""
    return study(name, output, rehearse=True, small=small, **given)


def _started(yes: bool) -> bool:
    from harness.errors import UsageError

    if not yes:
        raise UsageError(
            "more than 10 000 calls or 5 dollars, or no price; give yes=True or budget="
        )
    return yes


def _run_of(lines: list[str]) -> StudyRun:
    known = next((line for line in lines if line.startswith("planted values in ")), None)
    planted = None
    if known is not None:
        inside, total = known.rpartition(": ")[2].split(" of ")
        planted = int(inside), int(total)
    return StudyRun(tuple(lines[:-1]), Path(lines[-1]), planted)
