"""`penchant utilities`: choices to utilities with intervals."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import click
from click.core import ParameterSource

from harness.cli.fits.comparisons import questions_of
from harness.cli.fits.other_fits import from_a_zero, over_levels
from harness.cli.fits.utility_table import show_utilities
from harness.cli.numbers import FiniteRange
from harness.cli.reading import judge_options
from harness.errors import UsageError
from harness.records.files import WRITERS, write_table
from harness.screen import Console, echo
from harness.stats.choices.one_sided import ordered
from harness.stats.choices.questions import PositionBy
from harness.stats.choices.sensitivity import sensitivity
from harness.stats.choices.utilities import analyse
from harness.stats.facets.columns import FACETS
from harness.stats.thurstone.fit import Options
from harness.stats.thurstone.parts import PriorGroups

__all__ = ["utilities"]


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
    type=FiniteRange(min=0),
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
    average over items: the most extreme tenth are covered .79 to .86 at 10 comparisons an item.

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
        from_a_zero(
            inputs,
            zero,
            output=output,
            print_json=print_json,
            seed=seed,
            judge=judge,
            rules_only=rules_only,
        )
        return
    if over is not None:
        over_levels(
            inputs,
            over,
            output=output,
            print_json=print_json,
            reference=reference,
            seed=seed,
            judge=judge,
            rules_only=rules_only,
            choice=choice,
        )
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
    questions = questions_of(inputs, position_by, judge=judge, rules_only=rules_only, choice=choice)
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
        show_utilities(result, reference)
    if output is not None:
        echo(f"written: {output}", err=print_json)


def _asked_for_position(position: bool, position_by: PositionBy) -> str:
    """The option by which a position effect was asked for, and not by default; "" for none."""
    if position_by != "none":
        return f"--position-by {position_by}"
    source = click.get_current_context().get_parameter_source("position")
    return "--position" if position and source is not ParameterSource.DEFAULT else ""
