"""Options of commands that read LOGS: whose judgements count, and whose reading of answers."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["judge_options"]

F = TypeVar("F", bound=Callable[..., Any])


def judge_options(command: F) -> F:
    """`--judge NAME` and `--rules-only`."""
    command = click.option(
        "--rules-only",
        is_flag=True,
        help="Count answers that a judge has read as the rules left them: invalid.",
    )(command)
    return click.option(
        "--judge",
        default="rule",
        show_default=True,
        metavar="NAME",
        help="Whose judgements say what a completion is: rule, a model, or MODEL@IDENTITY.",
    )(command)
