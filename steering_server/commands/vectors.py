"""`steering-server vectors`: look at vector files, and bring in those made elsewhere."""

import datetime
from pathlib import Path

import click
import torch
from rich.console import Console
from rich.table import Table

from harness.errors import UsageError
from harness.items.load import load_items
from steering_server.commands.options import ModelOptions, model_options
from steering_server.extraction.importing import (
    SCALES,
    FirstRow,
    Scale,
    import_vector,
    measure_norms,
    read_foreign,
)
from steering_server.model.conversation import SystemAs
from steering_server.model.models import DType
from steering_server.vectors.registry import check_model, read_folder
from steering_server.vectors.vectors import parse

__all__ = ["vectors"]


@click.group()
def vectors() -> None:
    """Look at vector files, and import vectors made elsewhere.

    \b
    steering-server vectors list vectors/
    steering-server vectors import other.npz --scale raw --items builtin:math \\
        --model DIR -o vectors/mine.safetensors
    """


@vectors.command(name="list")
@click.argument("folder", type=click.Path(path_type=Path))
def list_(folder: Path) -> None:
    """What a folder of vector files holds.

    \b
    steering-server vectors list vectors/
    """
    table = Table()
    for column in ("name", "model", "method", "selector", "span", "items", "layers", "sha256"):
        table.add_column(column)
    for name, vector in read_folder(folder).items():
        origin = vector.origin
        layers = f"{vector.layers[0]}–{vector.layers[-1]} (default {origin.default_layer})"
        table.add_row(
            name,
            origin.model,
            origin.method,
            origin.selector,
            origin.span,
            str(origin.count),
            layers,
            vector.sha256[:12],
        )
    Console().print(table)


@vectors.command(name="import")
@click.argument("source", type=click.Path(path_type=Path))
@model_options
@click.option(
    "--scale",
    type=click.Choice(list(SCALES)),
    required=True,
    help="what the file's lengths mean: unit, activation (a typical activation's), raw",
)
@click.option(
    "--layer",
    type=click.IntRange(min=0),
    help="of a file with a single vector; of several, the one to take",
)
@click.option(
    "--first-row",
    type=click.Choice(["layer", "embedding"]),
    default="layer",
    show_default=True,
    help="what the first row of a table is: layer 0, or the embedding, which is left out",
)
@click.option("--norms-from", type=click.Path(path_type=Path), help="vector file of the same model")
@click.option("--items", help="measure reference norms over these items")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path))
def import_(
    source: Path,
    model: str,
    name: str | None,
    dtype: DType,
    device: str,
    device_map: str | None,
    threads: int | None,
    chat_template: Path | None,
    chat_template_kwargs: str | None,
    system_as: SystemAs,
    scale: Scale,
    layer: int | None,
    first_row: FirstRow,
    norms_from: Path | None,
    items: str | None,
    output: Path,
) -> None:
    """Bring a vector made elsewhere into this project's format.

    \b
    steering-server vectors import directions.npz --scale raw --items builtin:math \\
        --model ~/.cache/penchant/smollm2 -o vectors/mine.safetensors
    """
    if norms_from is not None and items is not None:
        raise UsageError("--norms-from and --items; expected one of them")
    read_foreign(source, layer, first_row=first_row)  # An unusable file is said before the load.
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
    found = read_foreign(source, layer, first_row=first_row, depth=loaded.depth)
    norms = None
    if norms_from is not None:
        other = parse(norms_from.read_bytes(), where=str(norms_from))
        check_model(other, loaded, where=str(norms_from))
        norms = other.norms
    elif items is not None:
        norms = measure_norms(loaded, load_items(items, base=Path.cwd()).items)
    data = import_vector(
        loaded,
        found,
        scale=scale,
        norms=norms,
        note=f"imported from {source.name}",
        created=datetime.date.today().isoformat(),
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(data)
    click.echo(f"wrote {output}: {len(found)} layers, SHA-256 {parse(data, where='').sha256[:12]}")
