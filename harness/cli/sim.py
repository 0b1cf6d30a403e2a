"""`penchant sim`: what is planted in a simulated respondent, and its HTTP server."""

import csv
import importlib
import io
import json
from collections.abc import Sequence
from pathlib import Path

import click

from harness.cli.listing import WholeGroup
from harness.errors import UsageError
from harness.items.formulas import defused
from harness.items.item import Item
from harness.items.load import load_items
from harness.respondent.settings import OTHER, PRESETS, Settings, parameters, settings_for
from harness.respondent.utility import liked
from harness.screen import echo

__all__ = ["sim"]

_PROVIDER_ONLY = ("latency", "ask_log")
_ELSEWHERE = {"serve": "harness.cli.sim_serve"}


class _Group(WholeGroup):
    """Commands with many imports are loaded when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        command = getattr(importlib.import_module(_ELSEWHERE[cmd_name]), cmd_name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Group)
def sim() -> None:
    """Simulated respondents: what is planted in them, and an HTTP server with faults.

    \b
    penchant sim truth sim/faithful -o truth.csv
    inspect eval evals/utilities.py --model sim/faithful
    """


@sim.command()
@click.argument("model")
@click.option("--items", "spec", default="builtin", show_default=True, help="Which items.")
@click.option(
    "-M", "given", multiple=True, metavar="NAME=VALUE", help="Planted parameter, as for the model."
)
@click.option("-o", "target", type=click.Path(path_type=Path), help="Write the CSV to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print every planted parameter as JSON.")
def truth(
    model: str, spec: str, given: tuple[str, ...], target: Path | None, as_json: bool
) -> None:
    """Write the planted utilities of MODEL (sim/NAME): item, origin, utility, in units of σ.

    Give the same `-M` as to the model. The origin is the respondent's own: a text that it does
    not know is `other`; `-M items=SPEC` makes items known to it.

    \b
    penchant sim truth sim/faithful --items builtin -M mean_math=0.3 -o truth.csv
    penchant sim truth sim/refuser --json
    """
    settings = settings_for(model.removeprefix("sim/"), _overrides(given))
    if as_json:
        echo(json.dumps(parameters(settings), indent=2))
        if target is None:
            return
    found = load_items(spec, base=Path.cwd()).items
    table = _truth(found, settings)
    if target is None:
        echo(table, nl=False)
        return
    try:
        target.write_text(table, encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"-o {target}: {error.strerror}") from None
    echo(f"wrote {len(found):,} utilities to {target}", err=True)


@sim.command("list")
def list_presets() -> None:
    """List the respondents and how each differs from `faithful`.

    \b
    penchant sim list
    """
    plain = parameters(PRESETS["faithful"])
    for name, settings in PRESETS.items():
        planted = parameters(settings)
        other = {key: value for key, value in planted.items() if value != plain[key]}
        echo(f"sim/{name:<16} {json.dumps(other) if other else ''}".rstrip())


def _truth(items: Sequence[Item], settings: Settings) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("item", "origin", "utility"))
    unknown = 0
    for item in items:
        known = liked(item.text, settings)
        unknown += known.origin == OTHER
        writer.writerow((defused(item.id), defused(known.origin), f"{known.utility:.10g}"))
    if unknown:
        echo(
            f"{unknown:,} of {len(items):,} items are unknown to the respondent (origin '{OTHER}', "
            f"mean {settings.origin_means.get(OTHER, 0.0):g}); -M items=SPEC names them",
            err=True,
        )
    return text.getvalue()


def _overrides(given: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"-M {text!r}; expected NAME=VALUE")
        if name not in _PROVIDER_ONLY:
            pairs[name] = value
    return pairs
