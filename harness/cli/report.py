"""`penchant report`: logs to a page, tables, figures and a research-log entry."""

from datetime import date
from pathlib import Path

import click
from rich.progress import Progress

from harness.analysis.analysed import steps
from harness.analysis.names import slug
from harness.cli.reading import judge_options
from harness.errors import UsageError
from harness.items.load import load_items
from harness.records.judge_check_file import read_check
from harness.records.logs import read_records
from harness.records.only import only
from harness.report.folder import write_report
from harness.report.sections.logs import once_each
from harness.report.terminal import summary_table
from harness.screen import Console, echo
from harness.stats.intervals import Bootstrap
from harness.studies.overview import analysed_records, overview, overview_facts

__all__ = ["report"]


@click.command()
@click.argument("logs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("report"),
    show_default=True,
    help="Folder to write to; made where it does not exist.",
)
@click.option("--name", default="Overview", show_default=True, help="Title of the report.")
@click.option(
    "--date",
    "day",
    help="Date of the log entry and its figures (YYYY-MM-DD; default: today).",
)
@click.option(
    "--resamples",
    type=click.IntRange(min=0),
    default=1000,
    show_default=True,
    help="Bootstrap resamples behind the intervals.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the bootstrap.")
@click.option(
    "--items",
    "spec",
    help="Items as the evals take them (builtin, FILE.jsonl, …): shows texts beside utilities.",
)
@judge_options
@click.option(
    "--judge-check",
    "check",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="What `penchant judge-check -o` wrote: corrects that judge's rates; may be repeated.",
)
@click.option(
    "--only",
    "wanted",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Only these records, by rater, template, completer …; of one column several may be given.",
)
@click.option(
    "--compare-log",
    is_flag=True,
    help="Set what the research log reported beside what was measured.",
)
@click.option("--summary/--no-summary", default=True, help="Print the main findings.")
def report(
    logs: tuple[Path, ...],
    output: Path,
    name: str,
    day: str | None,
    resamples: int,
    seed: int,
    spec: str | None,
    judge: str,
    rules_only: bool,
    check: tuple[Path, ...],
    wanted: tuple[str, ...],
    compare_log: bool,
    summary: bool,
) -> None:
    """Report on LOGS: outcomes, ratings, choices, utilities, with intervals.

    LOGS is a file, a folder or several of either: Inspect logs, or tables of records. Writes
    index.html (one self-contained page), a Markdown entry for a research log with its figures
    under assets/, the tables as CSV and report.json with the numbers behind every figure.

    \b
    penchant report logs/ -o report/ --name "First look"
    penchant report logs/ --only rater=sim/faithful --only template=fruit_rating
    """
    when = _date(day)
    chosen = load_items(spec, base=Path.cwd()).items if spec else ()
    texts = {item.id: item.text for item in chosen}
    checks = [read_check(file) for file in check]
    read = only(read_records(logs, progress=True, judge=judge, rules_only=rules_only), wanted)
    bootstrap = Bootstrap(seed=seed, resamples=resamples)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        work = bar.add_task("Analysing", total=steps(read.frame))
        found = analysed_records(read, bootstrap=bootstrap, step=lambda: bar.advance(work))
        built = overview(
            read,
            name=name,
            day=when,
            found=found,
            texts=texts,
            checks=checks,
            compare_log=compare_log,
        )
        drawing = bar.add_task("Drawing", total=len(built.plots()))
        written = write_report(
            built,
            output,
            day=when,
            name=slug(name),
            facts=overview_facts(read, name=name, day=when),
            step=lambda: bar.advance(drawing),
        )
    if summary:
        Console().print(summary_table(found))
    for note in once_each(read):
        echo(note, err=True)
    echo(f"{written[0]}: {len(written)} files")


def _date(text: str | None) -> date:
    if text is None:
        return date.today()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--date {text!r} is not a date; expected YYYY-MM-DD") from None
