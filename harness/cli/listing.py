"""A group of commands whose `--help` says what each does in a whole sentence."""

import click

__all__ = ["WholeGroup"]

_ANY_LENGTH = 10_000
"""click's own list cuts each description to one line of the terminal."""


class WholeGroup(click.Group):
    """Lists its commands with the first sentence of each help, wrapped instead of cut."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list; a group without commands has none."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [
            (name, command.get_short_help_str(_ANY_LENGTH))
            for name, command in found
            if command is not None and not command.hidden
        ]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)
