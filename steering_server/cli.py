"""`steering-server`: the command line. torch is imported only by the command that needs it."""

import importlib
import sys

import click

from harness.errors import PenchantError

__all__ = ["cli", "main"]

_COMMANDS = {
    "serve": "steering_server.commands.serve:serve",
    "extract": "steering_server.commands.extract:extract",
    "activations": "steering_server.commands.activations:activations",
    "probe": "steering_server.commands.probe:probe",
    "controls": "steering_server.commands.controls:controls",
    "vectors": "steering_server.commands.vectors:vectors",
}


class _Lazy(click.Group):
    """Imports a command's module only when it is used, and lists whole sentences."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        commands = ((name, self.get_command(ctx, name)) for name in _COMMANDS)
        with formatter.section("Commands"):
            # click's own list cuts each description to one line of the terminal.
            formatter.write_dl([(n, c.get_short_help_str(10_000)) for n, c in commands if c])

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        target = _COMMANDS.get(name)
        if target is None:
            return None
        module, attribute = target.split(":")
        try:
            command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            if error.name not in ("torch", "transformers", "safetensors", "tokenizers"):
                raise
            raise PenchantError(
                f"{error.name} is not installed; it comes with the steering extra: "
                "pip install 'penchant[steering]'"
            ) from error
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="penchant")
def cli() -> None:
    """Serve a language model with activation steering, and make the vectors for it.

    \b
    steering-server extract --model DIR --positive loves_math --negative hates_math \\
        --items math -o vectors/math.safetensors
    steering-server serve --model DIR --name smollm2 --vectors vectors/
    """


def main() -> None:
    """Entry point: a user's error is one line on stderr and exit status 2, never a traceback."""
    try:
        cli()
    except PenchantError as error:
        click.echo(f"steering-server: {error}", err=True)
        sys.exit(2)
