"""`penchant study`: named studies, each one command from the design to the page."""

import typing
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table as RichTable

from harness.cli.listing import WholeGroup
from harness.cli.study_diff import diff
from harness.errors import UsageError
from harness.studies.catalogue import NAMES, get_study
from harness.studies.folder import read_frozen
from harness.studies.models import split_models
from harness.studies.parameters import meanings, read_parameters, read_toml
from harness.studies.study import Study

__all__ = ["study"]

Action = Callable[[Study, Any, dict[str, Any]], None]

_MANY = {
    "raters": "rater",
    "completers": "completer",
    "templates": "template",
    "source": "from",
    "penalties": "penalty",
}
_OWN = (
    *("small", "rehearse", "config", "models", "output", "yes", "budget", "logs"),
    *("processes", "flow", "machines", "pilot", "day", "compare_log"),
)


@click.group(cls=WholeGroup)
def study() -> None:
    """Named studies: designed, forecast, run, analysed, drawn and written up.

    \b
    penchant study list
    penchant study run sysprompt-3x3 --rehearse --small
    penchant study run sysprompt-3x3 --rater openrouter/google/gemma-3-27b-it --price .1,.2
    """


@study.command("list")
def list_studies() -> None:
    """List the studies: what each asks, its calls at the default size, what it needs.

    \b
    penchant study list
    """
    from harness.studies.forecast import study_forecast

    table = RichTable(box=None, pad_edge=False)
    for heading in ("study", "question", "calls for a rehearsal", "needs"):
        table.add_column(heading, justify="right" if "calls" in heading else "left")
    for name in NAMES:
        one = get_study(name)
        parameters = read_parameters(one, {}, rehearse=True)
        found = study_forecast(one.design(parameters), seeds=parameters.seeds)
        table.add_row(name, one.question, f"{found.calls:,}", ", ".join(one.needs) or "–")
    Console(width=max(100, Console().width)).print(table)


class _Named(click.Group):
    """One sub-command a study, whose flags are the study's parameters."""

    def __init__(
        self,
        action: Action,
        *,
        options: tuple[click.Option, ...] = (),
        folder: bool = False,
        **rest: Any,
    ) -> None:
        super().__init__(**rest)
        self._action, self._options, self._folder = action, options, folder

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if self._folder and cmd_name not in NAMES and Path(cmd_name).is_dir():
            return _resumed(Path(cmd_name), self._action, self._options)
        try:
            one = get_study(cmd_name)
        except UsageError as error:
            raise click.UsageError(str(error)) from None
        return _command(one, self._action, self._options, group=str(self.name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Studies"):
            formatter.write_dl([(name, get_study(name).question) for name in NAMES])


_EXAMPLES = {
    "show": ("{} --rehearse",),
    "plan": ("{} --rehearse", "{} --rater openrouter/google/gemma-3-27b-it --price .1,.2"),
    "run": (
        "{} --rehearse --small",
        "{} --rater openrouter/google/gemma-3-27b-it --price .1,.2 --budget 2",
        "{} --rater 'openrouter/qwen/qwen3-32b(thinking=off, temperature=.7)' -o studies/mine",
        "studies/mine",
    ),
    "export": ("{} --rater openrouter/google/gemma-3-27b-it --flow --machines 3",),
    "report": ("{} --rater openrouter/google/gemma-3-27b-it --logs logs/ -o report/",),
}
"""Lines of `--help` by sub-command, the study's name in the braces."""


def _examples(command: str, study: str) -> str:
    lines = (f"penchant study {command} {line.format(study)}" for line in _EXAMPLES[command])
    return "\b\n" + "\n".join(lines)


def _command(
    one: Study, action: Action, options: tuple[click.Option, ...], *, group: str
) -> click.Command:
    def call(**given: Any) -> None:
        own = {name: given.pop(name) for name in list(given) if name in _OWN}
        values = read_toml(Path(own["config"])) if own.get("config") else {}
        values |= {name: value for name, value in given.items() if value not in (None, ())}
        if own.get("models"):
            values["raters"] = split_models(own["models"])
        rehearse = bool(own.get("rehearse"))
        parameters = read_parameters(one, values, small=bool(own.get("small")), rehearse=rehearse)
        action(one, parameters, own)

    shared = [
        click.Option(["--config"], help="TOML file with parameters.", metavar="FILE"),
        click.Option(["--models"], help="Raters, comma-separated.", metavar="A,B,…"),
        click.Option(["--small"], is_flag=True, help="A two-minute size."),
        click.Option(["--rehearse"], is_flag=True, help="On simulated models."),
    ]
    return click.Command(
        one.name,
        params=[*_flags(one), *shared, *options],
        callback=call,
        help=f"{one.question}\n\n{_examples(group, one.name)}",
    )


def _flags(one: Study) -> list[click.Parameter]:
    told = meanings(one.parameters)
    defaults = {field.name: field.default for field in msgspec.structs.fields(one.parameters)}
    hints = typing.get_type_hints(one.parameters)
    flags: list[click.Parameter] = []
    for name in one.parameters.__struct_fields__:
        many = typing.get_origin(hints[name]) is tuple
        flag = _MANY.get(name, name.removesuffix("s") if many else name).replace("_", "-")
        default = defaults[name]
        shown = "" if default in (None, (), "") else f" [default: {_said(default)}]"
        flags.append(click.Option([f"--{flag}", name], multiple=many, help=told[name] + shown))
    return flags


def _said(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _resumed(folder: Path, action: Action, options: tuple[click.Option, ...]) -> click.Command:
    def call(**own: Any) -> None:
        frozen = read_frozen(folder)
        one = get_study(frozen.study)
        parameters = read_parameters(one, frozen.parameters)
        action(
            one,
            parameters,
            own
            | {
                "output": str(folder),
                "rehearse": frozen.rehearsal,
                "processes": own.get("processes") or frozen.processes,
            },
        )

    return click.Command(str(folder), params=list(options), callback=call,
                         help=f"Resume the study in {folder}.")  # fmt: skip


def _show(one: Study, parameters: Any, own: dict[str, Any]) -> None:
    design = one.design(parameters)
    console = Console()
    console.print(one.name, style="bold")
    console.print(one.question, highlight=False)
    table = RichTable(box=None, pad_edge=False)
    table.add_column("factor")
    table.add_column("levels")
    for name, levels in design.factors.items():
        table.add_row(name, "\n".join(levels), style=None)
    console.print(table, highlight=False)
    console.print("\nNamed beforehand:")
    for contrast in design.primary:
        console.print(f"  {contrast}", highlight=False)
    _forecast(one, parameters, console, own)
    console.print("\nParameters:")
    values = RichTable(box=None, pad_edge=False, show_header=False)
    for name, meaning in meanings(one.parameters).items():
        values.add_row(f"  {name}", _said(getattr(parameters, name)) or "–", meaning)
    console.print(values, highlight=False)


def _plan(one: Study, parameters: Any, own: dict[str, Any]) -> None:
    _forecast(one, parameters, Console(), own)


def _forecast(one: Study, parameters: Any, console: Console, own: dict[str, Any]) -> None:
    from harness.studies.pilot import read_pilot
    from harness.studies.running import forecast_lines
    from harness.studies.forecast import study_forecast  # isort: skip

    design = one.design(parameters)
    if not design.cells:
        console.print("no calls: it analyses the logs that it is given")
        return
    logs = own.get("pilot")
    pilot = read_pilot([Path(path) for path in logs]) if logs else None
    found = study_forecast(design, seeds=parameters.seeds, pilot=pilot)
    for line in forecast_lines(found):
        console.print(line, highlight=False)


def _run(one: Study, parameters: Any, own: dict[str, Any]) -> None:
    from harness.studies.running import run_study

    folder = Path(own["output"] or f"studies/{one.name}")
    budget = own.get("budget")

    def ask(line: str) -> bool:
        return click.confirm(line, default=False, err=True)

    for line in run_study(
        one,
        parameters,
        folder,
        rehearsal=bool(own.get("rehearse")),
        budget=None if budget is None else float(budget),
        go=(lambda line: True) if own.get("yes") else ask,
        day=_day(own),
        say=lambda line: click.echo(line, err=True),
        processes=own.get("processes") or 1,
        compare_log=own.get("compare_log", True),
    ):
        click.echo(line)


def _day(own: dict[str, Any]) -> date:
    """The day of the page and of the log's entry."""
    text = own.get("day")
    try:
        return date.fromisoformat(text) if text else date.today()
    except ValueError:
        raise UsageError(f"--date {text!r} is not a date; expected YYYY-MM-DD") from None


def _report(one: Study, parameters: Any, own: dict[str, Any]) -> None:
    from harness.studies.running import report_study

    folder = Path(own["output"] or f"studies/{one.name}/report")
    for line in report_study(
        one, parameters, [Path(path) for path in own["logs"]], folder,
        rehearsal=bool(own.get("rehearse")), day=_day(own), compare_log=own["compare_log"],
    ):  # fmt: skip
        click.echo(line)


def _export(one: Study, parameters: Any, own: dict[str, Any]) -> None:
    from harness.studies.flow import export_flow

    if not own["flow"]:
        raise UsageError("no form given; expected --flow")
    folder = Path(own["output"] or f"studies/{one.name}")
    design = one.design(parameters)
    for path in export_flow(design, folder, study=one.name, machines=own["machines"]):
        click.echo(path)


_OUTPUT = click.Option(["-o", "--output"], metavar="FOLDER", help="Folder; the same one resumes.")
_DATE = click.Option(["--date", "day"], help="Date of the log entry (YYYY-MM-DD; default: today).")
_COMPARE = click.Option(
    ["--compare-log/--no-compare-log"],
    default=True,
    help="Set what the research log reported beside what was measured.",
)
_FLOW = click.Option(["--flow"], is_flag=True, help="For inspect-flow: flow run FILE.")
_MACHINES = click.Option(
    ["--machines"], type=click.IntRange(1, 1000), default=1, help="Write one file for each."
)
_PILOT = click.Option(
    ["--pilot"], multiple=True, metavar="LOGS",
    help="Logs whose spreads say what can be found; without, spreads are assumed.",
)  # fmt: skip
_GROUPS: dict[str, tuple[Action, tuple[click.Option, ...], bool, str]] = {
    "show": (_show, (_PILOT,), False, "Show a design: factors, cells, calls, parameters."),
    "plan": (_plan, (_PILOT,), True, "Forecast calls, tokens, money, time, and what can be found."),
    "run": (
        _run,
        (
            _OUTPUT,
            click.Option(["--yes"], is_flag=True, help="Ask nothing."),
            click.Option(
                ["--budget"],
                type=float,
                help="US dollars, over all starts of a folder; the run ends where they are spent.",
            ),
            click.Option(
                ["--processes"],
                type=click.IntRange(1, 64),
                help="Processes on this machine; each keeps a model's limits for itself.",
            ),
            _DATE,
            _COMPARE,
        ),
        True,
        "Run a study, or resume the one in a folder.",
    ),
    "export": (
        _export,
        (_OUTPUT, _FLOW, _MACHINES),
        False,
        "Write a design for inspect-flow, to run it on more machines.",
    ),
    "report": (
        _report,
        (
            _OUTPUT,
            click.Option(["--logs"], multiple=True, required=True, help="Log or folder of logs."),
            _DATE,
            _COMPARE,
        ),
        False,
        "Analyse logs that hold the design, however they were made.",
    ),
}

study.add_command(diff)

for _name, (_action, _options, _by_folder, _help) in _GROUPS.items():
    study.add_command(
        _Named(
            _action,
            options=_options,
            folder=_by_folder,
            name=_name,
            help=f"{_help}\n\n{_examples(_name, 'sysprompt-3x3')}",
        )
    )
