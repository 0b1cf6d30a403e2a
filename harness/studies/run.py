"""A design run through Inspect's `eval_set`: one process, all cells at once, resumed as found."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from inspect_ai import Task, eval_set, task_with
from inspect_ai.hooks import Hooks, SampleEnd, hooks
from inspect_ai.model import Model
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from harness.errors import UsageError
from harness.measuring.money import Purse
from harness.measuring.session import Overrides, overriding
from harness.models.inspect_api import NotMet, registered_task, spared
from harness.studies.forecast import plan_of
from harness.studies.models import model_of
from harness.studies.study import DesignCell, StudyDesign

__all__ = ["AT_ONCE", "cell_metadata", "run_cells", "run_design", "shown_progress"]

AT_ONCE = 24
"""Cells at a time: enough that every model of a 4 × 4 matrix has work, few enough for memory."""


@hooks(name="penchant_study", description="Progress of a study")
class _Ticks(Hooks):
    """Tells the study that is running of each sample that ends."""

    advance: ClassVar[Callable[[], None] | None] = None

    async def on_sample_end(self, data: SampleEnd) -> None:
        if _Ticks.advance is not None:
            _Ticks.advance()


def run_design(
    design: StudyDesign, folder: Path, *, study: str, budget: float | None = None
) -> None:
    """Run what is not done yet; the logs are in `folder`. Budget and errors as `run_cells`."""
    with shown_progress(design.cells, study) as advance:
        run_cells(design.cells, folder, study=study, advance=advance, budget=budget)


@contextmanager
def shown_progress(cells: Sequence[DesignCell], study: str) -> Iterator[Callable[[], None]]:
    """One progress line over the samples of all cells, on a terminal; what moves it by one."""
    console = Console(stderr=True)
    columns = (
        TextColumn(study),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("samples"),
        TimeElapsedColumn(),
    )
    total = sum(len(plan_of(cell).samples) for cell in cells)
    progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with progress:
        line = progress.add_task(study, total=total)
        yield lambda: progress.advance(line)


def run_cells(
    cells: Sequence[DesignCell],
    folder: Path,
    *,
    study: str,
    advance: Callable[[], None],
    budget: float | None = None,
) -> None:
    """Run what of the cells is not done yet, all at once; `advance` is called at each sample's end.

    `budget` is in US dollars, for all cells together: what it does not cover is not asked, and
    what is in flight is waited for. UsageError where it did not last, or, naming the cells, where
    some did not end with success (the same call resumes), or where the folder has other logs.
    """
    purse = None if budget is None else Purse(budget_usd=budget, ends=True)
    tasks = [_task(cell, study) for cell in cells]
    _Ticks.advance = advance
    shared = ExitStack()
    shared.enter_context(spared())
    if purse is not None:
        shared.enter_context(overriding(Overrides(purse=purse)))
    try:
        with shared:
            done, logs = eval_set(
                tasks,
                log_dir=str(folder),
                max_tasks=min(len(tasks), AT_ONCE),
                log_realtime=False,
                log_model_api=False,
                score_display=False,
                display="none",
                # An empty purse stays empty, and what it has paid for is waited for.
                retry_attempts=None if purse is None else 0,
                retry_immediate=None if purse is None else False,
                continue_on_fail=None if purse is None else True,
            )
    except NotMet as error:
        said = " ".join(str(error).split())
        if "is not associated with a task" not in said:
            raise
        raise UsageError(
            f"{folder} holds logs of another run, or of the same one by another version of "
            "penchant; give another folder with -o"
        ) from None
    finally:
        _Ticks.advance = None
    if purse is not None and purse.refused is not None:
        raise UsageError(
            f"the budget is spent: ${purse.spent:,.4f} of ${budget:,.4f} of this start"
        )
    failed = [log for log in logs if log.status != "success"]
    if not done or failed:
        _raise(failed, folder)


def _raise(failed: Sequence[object], folder: Path) -> None:
    told = []
    for log in failed[:3]:
        metadata = getattr(getattr(log, "eval", None), "metadata", None) or {}
        error = getattr(getattr(log, "error", None), "message", "")
        told.append(f"{metadata.get('cell', 'a cell')}: {' '.join(str(error).split())[:160]}")
    raise UsageError(
        f"{len(failed) or 'some'} cells did not end with success ({'; '.join(told)}); the same "
        f"line resumes, logs in {folder}"
    )


def _task(cell: DesignCell, study: str) -> Task:
    task = registered_task(cell.task, **cell.options)
    return task_with(
        task,
        model=model_of(cell.rater),
        model_roles=_roles(cell),
        metadata=cell_metadata(task.metadata or {}, cell, study),
    )


def _roles(cell: DesignCell) -> dict[str, str | Model | list[str | Model]]:
    """The models of a cell by role."""
    roles: dict[str, str | Model | list[str | Model]] = {"completer": model_of(cell.completer)}
    if cell.judge is not None:
        roles["judge"] = model_of(cell.judge)
    return roles


def cell_metadata(own: Mapping[str, Any], cell: DesignCell, study: str) -> dict[str, Any]:
    """A task's `own` metadata, with what makes its log a cell of the study."""
    kept = dict(own)
    # The forecast of the whole study is said once; that of each cell stays in its log.
    forecast = kept.pop("forecast", None)
    return (
        kept
        | {"study": study, "cell": cell.name, "levels": cell.levels, "cell_forecast": forecast}
        | {"design": msgspec.to_builtins(cell)}
    )
