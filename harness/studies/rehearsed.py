"""The simulated models of rehearsals, and what cells of ratings share in an analysis."""

from collections.abc import Mapping, Sequence
from functools import partial

from harness.analysis.cells import Cell, cells
from harness.analysis.ratings import RatingCell, rating_cells
from harness.errors import UsageError
from harness.studies.planted import Planted
from harness.studies.study import Given, Quantity

__all__ = ["RATERS", "cell_measured", "found_cells", "planted_quantity"]

RATERS = (
    "sim/faithful",
    "sim/noisy",
    "sim/clusterer(cluster=0.7)",
    "sim/contrarian",
    "sim/faithful@steady(rating_noise=0.2)",
    "sim/noisy@erratic(rating_noise=2)",
)
"""Six raters from steady to erratic, one of them mostly at one level."""


def found_cells(given: Given, *, repeats: int = 1) -> list[RatingCell]:
    """The cells of ratings among the records, analysed; UsageError where there are none.

    `repeats` are those that an analysis needs.
    """
    found = cells(given.frame, "rating")
    if not found:
        raise UsageError("no ratings among the records; expected logs of rating evals")
    for cell in found:
        seen = cell.frame.group_by("item", "completion_seed").len()["len"].max()
        if isinstance(seen, int) and seen < repeats:
            raise UsageError(
                f"{cell.name} has {seen} rating an item; this study needs {repeats} repeats (seeds)"
            )
    return rating_cells(found, bootstrap=given.bootstrap)


def planted_quantity(planted: Planted, *, cell: Cell, name: str) -> float:
    """A quantity of one cell as planted, over the items that were rated."""
    items = sorted(cell.frame["item"].unique())
    return planted.reliability(cell.key, items)[name]


def cell_measured(found: Sequence[RatingCell], names: Mapping[str, str]) -> list[Quantity]:
    """Quantities of cells beside what is planted: `names` maps a quantity to its words."""
    return [
        Quantity(
            f"{words}, {one.cell.name}",
            one.quantities[name],
            partial(planted_quantity, cell=one.cell, name=name),
        )
        for one in found
        for name, words in names.items()
    ]
