"""The parts of Inspect that it does not export, imported in this one place.

Checked against inspect-ai 0.3.285. When an upgrade breaks one of these names, mend it here.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import TracebackType
from typing import Any

from inspect_ai import Task
from inspect_ai._display.rich import display as rich_display
from inspect_ai._eval.task.constants import TASK_FILE_ATTR
from inspect_ai._util import package
from inspect_ai._util.entrypoints import ensure_entry_points
from inspect_ai._util.error import PrerequisiteError as _PrerequisiteError
from inspect_ai._util.registry import registry_create, registry_lookup
from inspect_ai.log._samples import sample_active
from inspect_ai.model._generate_config import active_generate_config
from inspect_ai.model._model import model_roles
from inspect_ai.model._model_info import _get_model_info_direct as model_info
from inspect_ai.util._limit import LimitExceededError
from rich.markup import escape
from rich.text import Text

from harness.notices import fault
from harness.screen import visible

__all__ = [
    "LimitExceededError",
    "NotMet",
    "PrerequisiteError",
    "active_generate_config",
    "model_info",
    "model_roles",
    "registered_name",
    "registered_task",
    "sample_active",
    "spared",
]

_Hook = Callable[[type[BaseException], BaseException, TracebackType | None], object]


NotMet = _PrerequisiteError
"""What Inspect raises where a key, a package or the like is missing."""


class PrerequisiteError(_PrerequisiteError):
    """What a user has to mend, in one line; Inspect prints it without a traceback.

    It prints it as rich markup, so brackets would be taken for tags: `[[x.endpoints]]` would
    vanish, and a value such as `[/b]` would end in an error of its own.
    """

    def __init__(self, message: str) -> None:
        super().__init__(escape(visible(message)))
        self.line = message
        if not isinstance(sys.excepthook, _Shown):
            sys.excepthook = _Shown(sys.excepthook)


class _Shown:
    """Shows our line whatever the display; Inspect's own hook prints on a console that is quiet
    under `--display none`. Everything else goes to the hook of before."""

    def __init__(self, before: _Hook) -> None:
        self._before = before

    def __call__(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if isinstance(error, PrerequisiteError):
            fault(" ".join(error.line.removeprefix("penchant: ").split()))
        self._before(kind, error, trace)


@contextmanager
def spared() -> Iterator[None]:
    """While this lasts, Inspect leaves undone what costs a quiet run of many tasks most.

    It reads the files of every installed package to know which of them a task comes from: here
    once, not once a task (.25 s of CPU each). At the end it lays out a table of all tasks, which
    under `display="none"` goes nowhere.
    """
    places = [(package, "packages_distributions"), (rich_display, "tasks_results")]
    own = [getattr(module, name) for module, name in places]
    instead = [cache(own[0]), lambda tasks: Text()]
    for (module, name), one in zip(places, instead, strict=True):
        setattr(module, name, one)
    try:
        yield
    finally:
        for (module, name), one in zip(places, own, strict=True):
            setattr(module, name, one)


def registered_name(name: str) -> str:
    """What Inspect calls a task of this project's entry points: with the task's top-level package
    in front where that is installed from a wheel, without where it is run from its folder."""
    ensure_entry_points()
    full = f"evals/{name}"
    return full if registry_lookup("task", full) else name


def registered_task(name: str, **options: Any) -> Task:
    """A task of this project's entry points by its name, with `-T` options.

    It says nothing of its file: Inspect knows a finished task again by the file's path as seen from
    the working directory, and from another one would find none of a run's logs.
    """
    task = registry_create("task", registered_name(name), **options)
    assert isinstance(task, Task)
    if hasattr(task, TASK_FILE_ATTR):
        delattr(task, TASK_FILE_ATTR)
    return task
