"""`penchant utilities`: choices to utilities with intervals."""

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import click
import polars as pl
from click.core import ParameterSource
from rich import box
from rich.table import Table
from rich.text import Text

from harness.cli.over import report_over
from harness.cli.reading import judge_options
from harness.cli.zero import report_zero
from harness.errors import UsageError
from harness.records.files import WRITERS, write_table
from harness.records.logs import read_records
from harness.records.pooling import require_one
from harness.records.sheet import TABLE_SUFFIXES, sheet_columns
from harness.screen import Console, echo
from harness.stats.choices.deeds import by_deed
from harness.stats.choices.one_sided import ordered
from harness.stats.choices.questions import PositionBy, questions_from_records, read_questions
from harness.stats.choices.sensitivity import sensitivity
from harness.stats.choices.utilities import Analysis, analyse
from harness.stats.facets.columns import FACETS, read_facets
from harness.stats.facets.universe import over_records
from harness.stats.thurstone.fit import Options
from harness.stats.thurstone.parts import PriorGroups
from harness.stats.zero.records import from_zero

__all__ = ["utilities"]

_GROUP_MEANS = {"origin": "origins' means", "graph": "the graph's loose parts"}
_SHOWN = 10
_WIDE = 120


def _prior(context: click.Context, option: click.Parameter, value: str) -> Any:
    if value == "auto":
        return "auto"
    return _number_or_none(value, "--prior-sd", "auto, none or a positive number")


def _bound(context: click.Context, option: click.Parameter, value: str) -> float | None:
    return _number_or_none(value, "--sigma-bounds", "none or a positive number, of |log sigma|")


def _number_or_none(value: str, name: str, expected: str) -> float | None:
    if value == "none":
        return None
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not 0 < number < float("inf"):
        raise UsageError(f"{name} {value!r}; expected {expected}")
    return number


@click.command()
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Write the table of utilities: {', '.join(WRITERS)}.",
)
@judge_options
@click.option(
    "--choice",
    type=click.Choice(["stated", "executed"]),
    default="stated",
    show_default=True,
    help="Of choose-and-complete: the item named, or the one done as --judge says.",
)
@click.option("--json", "print_json", is_flag=True, help="Print the summary as one JSON object.")
@click.option("--reference", metavar="ITEM", help="Contrasts to this item, with their errors.")
@click.option(
    "--link",
    type=click.Choice(["probit", "logit"]),
    default="probit",
    show_default=True,
    help="Thurstone's model, or Bradley–Terry's.",
)
@click.option(
    "--prior-sd",
    default="auto",
    show_default=True,
    metavar="auto|VALUE|none",
    callback=_prior,
    help="Spread of the utilities' prior; none: maximum likelihood.",
)
@click.option(
    "--sigma",
    type=click.Choice(["fixed", "per-item"]),
    default="fixed",
    show_default=True,
    help="Response noise: 1, or each item's own.",
)
@click.option(
    "--penalty",
    default=3.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Weight of sum (log sigma)², for --sigma per-item.",
)
@click.option(
    "--sigma-bounds",
    "bound",
    default="2",
    show_default=True,
    metavar="VALUE|none",
    callback=_bound,
    help="Limit of |log sigma|, for --sigma per-item.",
)
@click.option(
    "--force-sigma",
    is_flag=True,
    help="Report per-item sigma even where held-out pairs prefer sigma = 1.",
)
@click.option(
    "--position/--no-position",
    default=True,
    show_default=True,
    help="The position effect as a parameter of the fit.",
)
@click.option(
    "--position-by",
    type=click.Choice(["none", "template", "origin-pair"]),
    default="none",
    show_default=True,
    help="A position effect for each of these.",
)
@click.option(
    "--prior-groups",
    type=click.Choice(["auto", "origin", "graph", "none"]),
    default="auto",
    show_default=True,
    help="Prior means of their own: for each origin, for parts of the comparison graph that few "
    "comparisons tie together, both where there are such (auto), or one normal for all items.",
)
@click.option(
    "--over",
    metavar="FACETS",
    help="Utilities over all wordings (contexts, …) that might have been drawn: one joint fit over "
    f"some of {', '.join(FACETS)}, with its shares of variance.",
)
@click.option(
    "--zero",
    metavar="optout|neither|yes_no|ITEM",
    help="Utilities from this zero, with the share of items below it by origin: the opt-out, "
    "neither, not taking a task (template yes_no), or an item.",
)
@click.option(
    "--sensitivity",
    "sensitive",
    is_flag=True,
    help="Also fit with refusals as half wins, and without refused items.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Of posterior draws and the held-out pairs.",
)
def utilities(
    inputs: tuple[Path, ...],
    output: Path | None,
    print_json: bool,
    reference: str | None,
    link: Literal["probit", "logit"],
    prior_sd: float | Literal["auto"] | None,
    sigma: Literal["fixed", "per-item"],
    penalty: float,
    bound: float | None,
    force_sigma: bool,
    position: bool,
    position_by: PositionBy,
    prior_groups: PriorGroups,
    over: str | None,
    zero: str | None,
    sensitive: bool,
    seed: int,
    judge: str,
    rules_only: bool,
    choice: str,
) -> None:
    """Utilities of items from choices between them, with 95 % intervals.

    INPUTS is Inspect logs, folders of logs or tables of records, or one CSV, TSV or Parquet file
    of comparisons in one of three forms:

    \b
    first,second,choice[,count][,p_first]  choice is first or second, anything else is counted
                                           and left out; p_first: a probability off the model
    winner,loser[,tie][,count]             the order shown is not known: no position effect
    model_a,model_b,winner[,count]         winner is model_a, model_b or tie; model_a was first

    A CSV may be cut by commas, semicolons or tabs, its header in any case. Intervals are right on
    average over items: the most extreme tenth are covered .78 to .84 at 10 comparisons an item.

    A tie is half a win for each. Optional columns template, origin_first, origin_second serve
    --position-by. An interval is about the utility in the one wording that was asked; with --over
    it is about the utility over all wordings that might have been. What differs in rater, template
    or settings is not pooled.

    \b
    penchant utilities logs/ -o utilities.csv
    penchant utilities logs/ --over wording,response
    penchant utilities logs/ --zero optout
    penchant utilities games.csv --link logit --prior-sd none --reference Baltimore
    """
    if output is not None and output.suffix.lower() not in WRITERS:
        raise UsageError(
            f"cannot write {str(output)!r}; expected a name ending in {', '.join(WRITERS)}"
        )
    if zero is not None:
        _zero(inputs, zero, output, print_json, seed, judge, rules_only)
        return
    if over is not None:
        _over(inputs, over, output, print_json, reference, seed, judge, rules_only, choice)
        return
    if not position and position_by != "none":
        raise UsageError(f"--position-by {position_by} with --no-position; expected one of them")
    options = Options(
        link=link,
        prior_sd=prior_sd,
        position=position,
        sigma=sigma,
        penalty=penalty,
        sigma_bound=bound,
        force_sigma=force_sigma,
        prior_groups=prior_groups,
    )
    questions = _read(inputs, position_by, judge=judge, rules_only=rules_only, choice=choice)
    if not ordered(questions) and (asked := _asked_for_position(position, position_by)):
        raise UsageError(
            f"{asked} and a table of winner,loser, which does not say what was shown first; "
            "expected --no-position"
        )
    with Console(stderr=True).status("Fitting"):
        result = analyse(
            questions, options=options, position_by=position_by, reference=reference, seed=seed
        )
        if sensitive:
            runs = sensitivity(questions, result.fit, position_by=position_by)
            result.summary["sensitivity"] = [asdict(run) for run in runs]
    if output is not None:
        write_table(result.table, output)
    if print_json:
        echo(json.dumps(result.summary, indent=1, ensure_ascii=False))
        for note in result.summary["notes"]:
            echo(f"note: {note}", err=True)
    else:
        _show(result, reference)
    if output is not None:
        echo(f"written: {output}", err=print_json)


def _zero(
    inputs: tuple[Path, ...],
    zero: str,
    output: Path | None,
    print_json: bool,
    seed: int,
    judge: str,
    rules_only: bool,
) -> None:
    """The fit with a zero, of choices and yes_no ratings."""
    _refuse_others("--zero", (*_ONE_WORDING, "over", "reference", "choice"))
    read = read_records(inputs, progress=True, judge=judge, rules_only=rules_only)
    for note in read.notes():
        echo(note, err=True)
    where = ", ".join(map(str, inputs))
    with Console(stderr=True).status("Fitting"):
        found = from_zero(read.frame, zero, seed=seed, where=where)
    console = Console() if sys.stdout.isatty() else Console(width=_WIDE)
    report_zero(found, output=output, print_json=print_json, console=console)


def _refuse_others(asked: str, names: Iterable[str]) -> None:
    """UsageError for an option of another fit."""
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            shown = next(one for one in context.command.params if one.name == name).opts[0]
            raise UsageError(f"{shown} with {asked}; its fit has none of the kind")


def _over(
    inputs: tuple[Path, ...],
    over: str,
    output: Path | None,
    print_json: bool,
    reference: str | None,
    seed: int,
    judge: str,
    rules_only: bool,
    choice: str,
) -> None:
    """The joint fit, which has options of its own: any other than these is refused."""
    _refuse_others("--over", _ONE_WORDING)
    facets = read_facets(over)
    choices, where = _choices(inputs, judge=judge, rules_only=rules_only, choice=choice)
    with Console(stderr=True).status("Fitting"):
        found = over_records(choices, facets, reference=reference, seed=seed, where=where)
    console = Console() if sys.stdout.isatty() else Console(width=_WIDE)
    report_over(found, output=output, print_json=print_json, console=console)


_ONE_WORDING = (
    "link",
    "prior_sd",
    "sigma",
    "penalty",
    "bound",
    "force_sigma",
    "position",
    "position_by",
    "prior_groups",
    "sensitive",
)
"""Options of the fit of one wording."""


def _read(
    inputs: tuple[Path, ...],
    position_by: PositionBy,
    *,
    judge: str,
    rules_only: bool,
    choice: str,
) -> pl.DataFrame:
    """The questions of INPUTS: one file of comparisons, or logs and record tables."""
    plain = [path for path in inputs if path.is_file() and _is_comparisons(path)]
    if plain and len(inputs) > 1:
        raise UsageError(f"{str(plain[0])!r} is a file of comparisons; expected it alone")
    if plain:
        if choice == "executed":
            raise UsageError(
                f"--choice executed and {str(plain[0])!r}, a file of comparisons; expected logs"
            )
        return read_questions(plain[0])
    choices, where = _choices(inputs, judge=judge, rules_only=rules_only, choice=choice)
    factors = ("template", "template_hash") if position_by == "template" else ()
    require_one(choices, factors=factors, where=where)
    return questions_from_records(choices)


def _choices(
    inputs: tuple[Path, ...], *, judge: str, rules_only: bool, choice: str
) -> tuple[pl.DataFrame, str]:
    """The choice records of logs and record tables, and how to name where they came from."""
    read = read_records(inputs, progress=True, judge=judge, rules_only=rules_only)
    for note in read.notes():
        echo(note, err=True)
    choices = read.frame.filter(pl.col("kind") == "choice")
    where = ", ".join(map(str, inputs))
    if not len(choices):
        raise UsageError(f"no choice records in {where}")
    return (by_deed(choices, where=where) if choice == "executed" else choices), where


def _asked_for_position(position: bool, position_by: PositionBy) -> str:
    """The option by which a position effect was asked for, and not by default; "" for none."""
    if position_by != "none":
        return f"--position-by {position_by}"
    source = click.get_current_context().get_parameter_source("position")
    return "--position" if position and source is not ParameterSource.DEFAULT else ""


def _is_comparisons(path: Path) -> bool:
    """A table that is not one of records: what is missing of its columns is said on reading."""
    if path.suffix.lower() not in TABLE_SUFFIXES:
        return False
    return not {"item_first", "kind"} & set(sheet_columns(path))


def _show(result: Analysis, reference: str | None) -> None:
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
