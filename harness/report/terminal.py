"""The main findings for a terminal."""

import polars as pl
from rich import box
from rich.table import Table
from rich.text import Text

from harness.analysis.cells import cells, declared_levels
from harness.analysis.utilities import enough, fitted_position
from harness.errors import UsageError
from harness.report.parts.wording import shown
from harness.stats.choices.position import position_content
from harness.stats.choices.utilities import analyse_records
from harness.stats.intervals import Bootstrap, Estimate
from harness.stats.outcomes import outcome_rates
from harness.stats.ratings.reliability import reliability

__all__ = ["summary_table"]


def summary_table(frame: pl.DataFrame, *, bootstrap: Bootstrap | None = None) -> Table:
    """One row a rater, template and configuration: what was asked, answered and found.

    Rating cells show mean, ICC(1,1) and modal share; choice cells the first-choice rate and the
    position effect β: of pairs asked both ways, or of the utilities' fit where those are less
    than half of all pairs. Intervals are in brackets.
    """
    bootstrap = bootstrap or Bootstrap()
    table = Table(
        title="Summary", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), caption_justify="left",
        caption="95 % intervals in brackets; – not defined (one repeat, or no variance)"
    )  # fmt: skip
    table.add_column("rater, question", overflow="fold")
    for name in ("asked", "answered", "mean or\nfirst chosen", "ICC(1,1)\nor β", "modal\nshare"):
        table.add_column(name, justify="right", no_wrap=True)
    for cell in (*cells(frame, "rating"), *cells(frame, "choice")):
        answered = shown(outcome_rates(cell.frame)["answered"].estimate, "share")
        if cell.key["kind"] == "rating":
            levels = declared_levels(cell)
            found = reliability(
                cell.frame, bootstrap=bootstrap, levels=levels.values if levels else None
            )
            facts = [
                shown(found["mean"]),
                shown(found["icc"]),
                shown(found["modal_share"].estimate, "share"),
            ]
        else:
            found = position_content(cell.frame, bootstrap=bootstrap)
            effect = _position(cell.frame, found["position_effect"])
            facts = [shown(found["first_choice_rate"], "share"), shown(effect), ""]
        asked = Text.assemble((cell.rater, "bold"), "\n", cell.question)
        table.add_row(asked, str(cell.frame.height), answered, *map(_over, facts))
    return table


def _position(frame: pl.DataFrame, both_ways: Estimate) -> Estimate:
    """β of the pairs asked both ways, or of the fit where those are less than half of all."""
    if both_ways.n >= both_ways.undefined or not enough(frame):
        return both_ways
    try:
        return fitted_position(analyse_records(frame))
    except UsageError:
        return both_ways


def _over(cell: str) -> Text:
    """The interval below its estimate."""
    return Text(cell.replace(" [", "\n[", 1))
