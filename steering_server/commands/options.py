"""Options that say which model to load and how, shared by the commands."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec

from harness.errors import UsageError
from steering_server.engine.self_test import self_test
from steering_server.model.conversation import SystemAs
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
    chat_template: Path | None = None
    chat_template_kwargs: str | None = None
    system_as: SystemAs = "system"

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
            chat_template=self.chat_template,
            options=_object(self.chat_template_kwargs),
            system_as=self.system_as,
        )


def _object(text: str | None) -> dict[str, Any]:
    """A JSON object. UsageError."""
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise UsageError(
            f"--chat-template-kwargs {text!r}; expected a JSON object: {error}"
        ) from error


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
    click.option(
        "--chat-template",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="a Jinja file instead of the model's own template",
    ),
    click.option(
        "--chat-template-kwargs",
        metavar="JSON",
        help="""for the template, for example '{"enable_thinking": false}'""",
    ),
    click.option(
        "--system-as",
        type=click.Choice(["system", "user"]),
        default="system",
        show_default=True,
        help="user: at the head of the first user turn, for templates without a system role",
    ),
)


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to `command`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
