"""Options that say which model to load and how, shared by the commands."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from steering_server.engine.self_test import self_test
from steering_server.model.models import DTYPES, DType, Loaded, load

__all__ = ["ModelOptions", "model_options"]


@dataclass(frozen=True)
class ModelOptions:
    """What to load. `load()` does it."""

    model: str
    name: str | None
    dtype: DType
    device: str
    device_map: str | None
    threads: int | None

    def load(self) -> Loaded:
        """The model, tested: what it answers is what the plain model answers. UsageError."""
        loaded = self.read()
        self_test(loaded)
        return loaded

    def read(self) -> Loaded:
        """The model as it is loaded; an engine tests it before its first request. UsageError."""
        return load(
            self.model,
            name=self.name,
            dtype=self.dtype,
            device=self.device,
            device_map=self.device_map,
        )


_OPTIONS = (
    click.option(
        "--model",
        required=True,
        metavar="DIR_OR_ID",
        help="a directory, a hub id, or tiny:FAMILY (a random model, for trials)",
    ),
    click.option("--name", help="name in replies (default: the directory's name, or the id)"),
    click.option("--dtype", type=click.Choice(list(DTYPES)), default="auto", show_default=True),
    click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, mps"),
    click.option("--device-map", metavar="MAP", help="spread over devices: auto, balanced"),
    click.option(
        "--threads",
        type=click.IntRange(min=1),
        help="CPU threads (on a busy machine 1 is often fastest)",
    ),
)


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to `command`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
