"""`steering-server controls`."""

import csv
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from harness.errors import UsageError
from harness.items.formulas import defused_row
from harness.items.item import Item
from harness.items.load import load_items
from harness.prompts.choices import CHOICES
from harness.prompts.labels import label_pair
from steering_server.capture.passing import Wanted, capture
from steering_server.capture.placed import Placed
from steering_server.commands.options import ModelOptions, model_options
from steering_server.controls.passes import asked_all, side_effects
from steering_server.controls.pushes import POSITIONS, Positions, Push, directions
from steering_server.controls.questions import Question, ask, draw_pairs
from steering_server.controls.table import Effect, effects, rank_p
from steering_server.engine.runner import Sizes
from steering_server.model.conversation import SystemAs
from steering_server.model.models import DType, Loaded
from steering_server.probing.ridge import Array
from steering_server.vectors.registry import check_model
from steering_server.vectors.vectors import Vector, parse

__all__ = ["controls"]

_TEMPLATES = [name for name, one in CHOICES.items() if "pre" in one.timings and not one.completes]


@click.command()
@model_options
@click.option("--vector", required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--coef", required=True, type=float, help="dose, of the layer's reference norm")
@click.option("--layer", type=click.IntRange(min=0), help="default: the vector's own")
@click.option(
    "--positions",
    type=click.Choice(list(POSITIONS)),
    default="contrast",
    show_default=True,
    help="contrast: + on one item's tokens, − on the other's, in both orders",
)
@click.option("--items", default="builtin", show_default=True)
@click.option("--per-origin", type=click.IntRange(min=1), help="at most so many items an origin")
@click.option("--towards", metavar="ORIGIN", help="pairs of an item of ORIGIN against another")
@click.option("--pairs", "count", default=40, show_default=True, type=click.IntRange(min=2))
@click.option(
    "--template", type=click.Choice(_TEMPLATES), default="simple_preference", show_default=True
)
@click.option("--labels", default="A,B", show_default=True)
@click.option(
    "--random",
    "number",
    default=32,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="directions of equal norm, and as many at the vector's angle to the mean activation",
)
@click.option(
    "--side-items",
    default=4,
    show_default=True,
    type=click.IntRange(min=1),
    help="items completed under every direction, for refusal and coherence",
)
@click.option("--side-tokens", default=24, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@click.option("--max-batch", default=72, show_default=True, type=click.IntRange(min=1))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="NAME.csv")
def controls(
    model: str,
    name: str | None,
    dtype: DType,
    device: str,
    device_map: str | None,
    threads: int | None,
    chat_template: Path | None,
    chat_template_kwargs: str | None,
    system_as: SystemAs,
    vector: Path,
    coef: float,
    layer: int | None,
    positions: Positions,
    items: str,
    per_origin: int | None,
    towards: str | None,
    count: int,
    template: str,
    labels: str,
    number: int,
    side_items: int,
    side_tokens: int,
    seed: int,
    max_batch: int,
    output: Path,
) -> None:
    """Is a steered choice more than a push of that size? The vector beside random directions.

    \b
    steering-server controls --model DIR --vector vectors/probe.safetensors --coef 0.1 \\
        -o controls.csv

    Pairs are asked before the task, in both orders, by exact probabilities. The shift is the change
    of the logit of choosing the item of interest, the position effect split off; p is the vector's
    rank among directions of equal norm, and among those that also have its angle to the mean
    activation. In the same table: the probability of an allowed answer, of a refusal's opening, and
    how likely the unsteered model finds what is written under steering. Under --positions all and
    last_prompt both items are pushed alike, so they need --towards ORIGIN.
    """
    if positions != "contrast" and towards is None:
        raise UsageError(
            f"--positions {positions} pushes both items alike; it needs --towards ORIGIN"
        )
    here = Path.cwd()
    chosen = load_items(items, per_origin=per_origin, sample_seed=seed, base=here).items
    rng = np.random.default_rng(seed)
    pairs = draw_pairs(chosen, count, towards, rng)
    try:
        made = parse(vector.read_bytes(), where=str(vector))
    except OSError as error:
        raise UsageError(f"--vector {vector}: {error.strerror}") from error
    if threads is not None:
        torch.set_num_threads(threads)
    loaded = ModelOptions(
        model,
        name,
        dtype,
        device,
        device_map,
        threads,
        chat_template,
        chat_template_kwargs,
        system_as,
    ).load()
    check_model(made, loaded, where=str(vector))
    at = _layer(made, layer)
    both = label_pair(labels, where="--labels")
    questions = [ask(loaded, pair, CHOICES[template], both, None) for pair in pairs]
    pushes = directions(
        made.directions[at].double().numpy(),
        _mean(loaded, questions, at),
        layer=at,
        norm=coef * made.reference(at),
        count=number,
        rng=rng,
    )
    firsts = list(dict.fromkeys(item.id for item, _ in pairs))[:side_items]
    beside = [next(item for item, _ in pairs if item.id == one) for one in firsts]
    sizes = Sizes(rows=max_batch)
    rows = _measured(loaded, questions, pushes, positions, beside, side_tokens, sizes)
    _write(rows, output)
    _show(rows, f"{vector.name}, coef {coef:g}, layer {at}, {positions}, {len(pairs)} pairs")


def _layer(vector: Vector, layer: int | None) -> int:
    if layer is None:
        return vector.origin.default_layer
    if layer not in vector.directions:
        raise UsageError(
            f"--layer {layer}; the vector has {vector.layers[0]} to {vector.layers[-1]}"
        )
    return layer


def _mean(loaded: Loaded, questions: Sequence[Question], layer: int) -> Array:
    """The mean activation [width] at `layer` over the questions' tokens, less each first one."""
    shown = [one for each in questions for one in (each.first, each.second)]
    placed = [Placed(one.tokens, {"prompt": (1, len(one.tokens))}) for one in shown]
    found = capture(loaded, placed, Wanted(("prompt",), ("mean",), (layer,)))
    weights = found["prompt.length"].double()
    mean: Array = (weights @ found["prompt.mean"][:, 0].double() / weights.sum()).numpy()
    return mean


def _measured(
    loaded: Loaded,
    questions: Sequence[Question],
    pushes: Sequence[Push],
    positions: Positions,
    beside: Sequence[Item],
    tokens: int,
    sizes: Sizes,
) -> list[Effect]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        asking = progress.add_task("questions", total=2 * len(questions) * len(pushes))
        found = asked_all(
            loaded,
            questions,
            pushes,
            positions,
            sizes=sizes,
            advance=lambda: progress.advance(asking),
        )
        writing = progress.add_task("side effects", total=2 * len(beside) * len(pushes))
        sides = side_effects(
            loaded,
            beside,
            pushes,
            positions,
            tokens=tokens,
            sizes=sizes,
            advance=lambda: progress.advance(writing),
        )
    return effects(found, sides, pushes)


def _write(rows: Sequence[Effect], output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(Effect.__struct_fields__)
        writer.writerows(defused_row(msgspec.structs.astuple(row)) for row in rows)


_COLUMNS = ("shift", "position", "label_mass", "refusal", "coherence")


def _show(rows: Sequence[Effect], title: str) -> None:
    """Unsteered, the vector with its interval, and mean [least, most] of each kind of control."""
    table = Table(title=title)
    for name in ("direction", *_COLUMNS):
        table.add_column(name.replace("_", " "), justify="left" if name == "direction" else "right")
    for row in rows[:2]:
        shift = f"{row.shift:+.3f} [{row.low:.3f}, {row.high:.3f}]"
        cells = [f"{getattr(row, name):.3g}" for name in _COLUMNS[1:]]
        table.add_row(row.name, shift if row.kind == "vector" else "", *cells)
    for kind in ("random", "angled"):
        own = [row for row in rows if row.kind == kind]
        cells = []
        for name in _COLUMNS:
            values = [getattr(row, name) for row in own]
            cells.append(f"{np.mean(values):.3g} [{min(values):.3g}, {max(values):.3g}]")
        table.add_row(f"{len(own)} {kind}", *cells)
    console = Console(width=None if Console().is_terminal else 120)
    console.print(table)
    random, angled = rank_p(rows, "random"), rank_p(rows, "angled")
    console.print(
        f"p by rank of |shift|: {random:.3f} among directions of equal norm, {angled:.3f} among "
        "those at the same angle to the mean activation"
    )
