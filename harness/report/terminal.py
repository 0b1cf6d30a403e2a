"""The main findings for a terminal."""

from rich import box
from rich.table import Table
from rich.text import Text

from harness.analysis.analysed import Analysed
from harness.analysis.utilities import fitted_position
from harness.report.parts.wording import shown
from harness.stats.intervals import Estimate
from harness.stats.outcomes import outcome_rates

__all__ = ["summary_table"]


def summary_table(found: Analysed) -> Table:
    """One row a rater, template and configuration: what was asked, answered and found.

    Rating cells show mean, ICC(1,1) and modal share; choice cells the first-choice rate and the
    position effect β: of pairs asked both ways, or of the utilities' fit where those are less
    than half of all pairs. Intervals are in brackets.
    """
    table = Table(
        title="Summary", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), caption_justify="left",
        caption="95 % intervals in brackets; – not defined (one repeat, or no variance)"
    )  # fmt: skip
    table.add_column("rater, question", overflow="fold")
    for name in ("asked", "answered", "mean or\nfirst chosen", "ICC(1,1)\nor β", "modal\nshare"):
        table.add_column(name, justify="right", no_wrap=True)
    fitted = {fit.cell.name: fitted_position(fit.analysis) for fit in found.fits}
    rows = [
        *((one.cell, _of_ratings(one.quantities)) for one in found.ratings),
        *((one.cell, _of_choices(one.quantities, fitted.get(one.cell.name)))
          for one in found.choices),
    ]  # fmt: skip
    for cell, facts in rows:
        answered = shown(outcome_rates(cell.frame)["answered"].estimate, "share")
        asked = Text.assemble((cell.rater, "bold"), "\n", cell.question)
        table.add_row(asked, str(cell.frame.height), answered, *map(_over, facts))
    return table


def _of_ratings(found: dict[str, Estimate]) -> list[str]:
    share = shown(found["modal_share"].estimate, "share")
    return [shown(found["mean"]), shown(found["icc"]), share]


def _of_choices(found: dict[str, Estimate], fitted: Estimate | None) -> list[str]:
    """β of the pairs asked both ways, or of the fit where those are less than half of all."""
    effect = found["position_effect"]
    if fitted is not None and effect.n < effect.undefined:
        effect = fitted
    return [shown(found["first_choice_rate"], "share"), shown(effect), ""]


def _over(cell: str) -> Text:
    """The interval below its estimate."""
    return Text(cell.replace(" [", "\n[", 1))
