"""Cells of choices: the options that studies of pairs share, and how their cells are found."""

from collections.abc import Mapping
from typing import Any, Literal

from harness.analysis.cells import Cell, cells
from harness.errors import UsageError
from harness.studies.study import (
    DesignCell,
    Given,
    JudgedParameters,
    Parameters,
    one_completer,
)

__all__ = ["choice_cell", "choices_of"]

_OPTIONS = ("items", "per_origin", "sample_seed", "block", "price", "seeds")


def choice_cell(
    parameters: Parameters,
    rater: str,
    template: str,
    *,
    levels: Mapping[str, str],
    task: Literal["pairwise", "utilities"] = "pairwise",
    **options: Any,
) -> DesignCell:
    """A cell of choices; the completer is the rater unless the study names one for all. `options`
    stand over the parameters.

    UsageError where several completers are named.
    """
    shared = {name: getattr(parameters, name) for name in _OPTIONS}
    kept = {name: value for name, value in shared.items() if value is not None}
    judge = None
    if "judges" in options and isinstance(parameters, JudgedParameters):
        judge = parameters.judge
    return DesignCell(
        task=task,
        options=kept | {"template": template} | options,
        rater=rater,
        completer=one_completer(parameters) or rater,
        levels=dict(levels),
        judge=judge,
    )


def choices_of(given: Given) -> list[Cell]:
    """Cells of choices among the records; UsageError where there are none."""
    found = cells(given.frame, "choice")
    if not found:
        raise UsageError("no choices among the records; expected logs of pairwise evals")
    return found
