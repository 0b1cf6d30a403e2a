"""`steering-server extract`."""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import click
import msgspec
import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from harness.errors import UsageError
from harness.items.item import Item
from harness.items.load import load_items
from steering_server.commands.contrasts import Given, Source, source_of
from steering_server.commands.options import ModelOptions, model_options
from steering_server.extraction.chunks import Chunks
from steering_server.extraction.extract import Extracted, Settings, fit
from steering_server.extraction.norms_table import norm_rows, write_csv
from steering_server.model.conversation import SystemAs
from steering_server.model.layers import default_layer
from steering_server.model.models import DType, Loaded
from steering_server.model.recorder import Selector
from steering_server.vectors.directions import METHODS, FittedMethod, random_direction
from steering_server.vectors.vectors import Origin, serialize

__all__ = ["extract", "parse_layers", "parse_selectors"]


def parse_layers(text: str, depth: int) -> tuple[int, ...]:
    """`all`, `16`, `10-20`, `4,8,16`: layers in increasing order. UsageError."""
    if text == "all":
        return tuple(range(depth))
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()):
            raise UsageError(f"--layers {text!r}; expected all, 16, 10-20 or 4,8,16")
        found.update(range(int(first), int(last or first) + 1))
    if not found or max(found) >= depth:
        raise UsageError(f"--layers {text!r}; the model has layers 0 to {depth - 1}")
    return tuple(sorted(found))


def parse_selectors(text: str) -> tuple[Selector, ...]:
    """`first,last,mean` in any number. UsageError."""
    allowed: tuple[Selector, ...] = get_args(Selector)
    named = [part.strip() for part in text.split(",")]
    unknown = [name for name in named if name not in allowed]
    if unknown or len(set(named)) != len(named):
        raise UsageError(f"--selectors {text!r}; expected some of {','.join(allowed)}")
    return tuple(selector for selector in allowed if selector in named)


def _path(output: Path, selector: Selector, selectors: Sequence[Selector]) -> Path:
    """The last token's vector (or the only one) gets the plain name."""
    plain = "last" if "last" in selectors else selectors[0]
    stem = output.name.removesuffix(".safetensors")
    return output.with_name(
        f"{stem}.safetensors" if selector == plain else f"{stem}.{selector}.safetensors"
    )


@click.command()
@model_options
@click.option("--positive", help="system prompt: a condition's name or a TOML file")
@click.option("--negative", help="system prompt of the other side")
@click.option(
    "--pairs",
    type=click.Path(path_type=Path, dir_okay=False),
    help="instead: JSONL of positive and negative, each a text or a conversation",
)
@click.option(
    "--contrast",
    metavar="COLUMN[=VALUE]",
    help="instead: items that a column of --table tells apart: true against false, or quartiles",
)
@click.option(
    "--table",
    type=click.Path(path_type=Path, dir_okay=False),
    help="table of records or utilities, or a log of evals/completions.py, for --contrast",
)
@click.option("--where", multiple=True, metavar="COLUMN=VALUE", help="rows of --table to use")
@click.option(
    "--within-origin", is_flag=True, help="compare each origin with itself alone, for --contrast"
)
@click.option("--items", help="builtin:math, math:FILE, FILE.jsonl, joined by +")
@click.option("--per-origin", type=click.IntRange(min=1), help="at most so many items an origin")
@click.option("--sample-seed", default=0, show_default=True)
@click.option("--layers", default="all", show_default=True, help="all, 16, 10-20 or 4,8,16")
@click.option("--selectors", default="last", show_default=True, help="some of first,last,mean")
@click.option(
    "--span",
    type=click.Choice(["prompt", "completion", "item", "turn_end", "differing"]),
    help="prompt or completion (default: completion); of --pairs differing or completion (default: "
    "differing, from the first token in which they differ); of --contrast also item, turn_end "
    "(default: prompt)",
)
@click.option("--method", type=click.Choice(list(METHODS)), default="mean_diff", show_default=True)
@click.option("--completion-tokens", default=48, show_default=True, type=click.IntRange(min=2))
@click.option("--temperature", default=0.0, show_default=True, type=click.FloatRange(0, 2))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@click.option("--batch", default=8, show_default=True, type=click.IntRange(1, 512), help="items")
@click.option(
    "--controls",
    default=0,
    show_default=True,
    type=click.IntRange(0, 1000),
    help="random directions of equal norm to write too",
)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="NAME.safetensors"
)
def extract(
    model: str,
    name: str | None,
    dtype: DType,
    device: str,
    device_map: str | None,
    threads: int | None,
    chat_template: Path | None,
    chat_template_kwargs: str | None,
    system_as: SystemAs,
    positive: str | None,
    negative: str | None,
    pairs: Path | None,
    contrast: str | None,
    table: Path | None,
    where: tuple[str, ...],
    within_origin: bool,
    items: str | None,
    per_origin: int | None,
    sample_seed: int,
    layers: str,
    selectors: str,
    span: str | None,
    method: FittedMethod,
    completion_tokens: int,
    temperature: float,
    seed: int,
    batch: int,
    controls: int,
    output: Path,
) -> None:
    """Make a concept vector from two system prompts over the same items, from pairs of your own,
    or from items that a column tells apart.

    \b
    steering-server extract --model ~/.cache/penchant/smollm2 --positive loves_math \\
        --negative hates_math --items builtin:math --selectors first,last,mean \\
        -o vectors/math.safetensors
    steering-server extract --model DIR --pairs pairs.jsonl -o vectors/mine.safetensors
    steering-server extract --model DIR --contrast refused --table COMPLETIONS.eval \\
        --items builtin --within-origin -o vectors/refused.safetensors
    steering-server extract --model DIR --contrast utility --table utilities.csv \\
        --items builtin --span turn_end -o vectors/liked.safetensors

    Writes one file a selector (the last token's has the plain name), NAME.norms.csv, and, with
    --controls, NAME.random-00.safetensors and so on. An interrupted run goes on where it was.
    """
    source = source_of(
        Given(positive, negative, pairs, contrast, table, where, within_origin, items, span)
    )
    wanted = parse_selectors(selectors)
    here = Path.cwd()
    chosen: tuple[Item, ...] = ()
    if items is not None:
        chosen = load_items(items, per_origin=per_origin, sample_seed=sample_seed, base=here).items
    sides = source.names(here)
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
    settings = Settings(
        positive=sides[0],
        negative=sides[1],
        selectors=wanted,
        span=source.span,
        layers=parse_layers(layers, loaded.depth),
        completion_tokens=completion_tokens,
        temperature=temperature,
        seed=seed,
        chunk=batch,
    )
    console = Console(stderr=True)
    extracted, chunks, hashed = _run(loaded, source, chosen, settings, method, output, console)
    paths = _write(loaded, hashed, settings, extracted, method, controls, output)
    _report(loaded, settings, extracted, output, console)
    chunks.remove()
    console.print(f"{source.told(extracted)}; wrote {len(paths)} files to {output.parent}/")


def _run(
    loaded: Loaded,
    source: Source,
    items: Sequence[Item],
    settings: Settings,
    method: FittedMethod,
    output: Path,
    console: Console,
) -> tuple[Extracted, Chunks, str]:
    """What was extracted, its chunks, and the hash of what it was extracted from."""
    stem = output.name.removesuffix(".safetensors")
    work = source.prepared(loaded, items, settings, method)
    chunks = Chunks(output.with_name(f"{stem}.partial"), work.plan)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("items", total=work.size)
        extracted = work.run(chunks, lambda count: progress.advance(task, count))
    return extracted, chunks, work.hash


def _write(
    loaded: Loaded,
    items: str,
    settings: Settings,
    extracted: Extracted,
    method: FittedMethod,
    controls: int,
    output: Path,
) -> list[Path]:
    """Write the vectors and their controls; returns the paths."""
    middle = default_layer(loaded.depth)
    default = min(settings.layers, key=lambda layer: abs(layer - middle))
    base = Origin(
        model=loaded.id,
        weights=loaded.weights,
        template=loaded.template,
        method=method,
        selector=settings.selectors[0],
        span=settings.span,
        default_layer=default,
        positive=settings.positive.name,
        negative=settings.negative.name,
        items=items,
        count=extracted.count,
        dtype=loaded.dtype_name,
        created=datetime.date.today().isoformat(),
    )
    files: dict[Path, bytes] = {}
    by_selector = zip(settings.selectors, fit(extracted, settings, method), strict=True)
    for selector, directions in by_selector:
        origin = msgspec.structs.replace(base, selector=selector)
        path = _path(output, selector, settings.selectors)
        files[path] = serialize(directions, extracted.norms, origin)
    stem = output.name.removesuffix(".safetensors")
    for index in range(controls):
        rng = np.random.default_rng([settings.seed, index])
        directions = {
            layer: torch.from_numpy(random_direction(loaded.width, rng=rng))
            for layer in settings.layers
        }
        origin = msgspec.structs.replace(base, method="random", selector="none", seed=settings.seed)
        path = output.with_name(f"{stem}.random-{index:02d}.safetensors")
        files[path] = serialize(directions, extracted.norms, origin)
    output.parent.mkdir(parents=True, exist_ok=True)
    for path, data in files.items():
        path.write_bytes(data)
    return list(files)


def _report(
    loaded: Loaded, settings: Settings, extracted: Extracted, output: Path, console: Console
) -> None:
    """The norms table: to CSV in full, to the terminal for a few layers."""
    rows = norm_rows(loaded, settings, extracted)
    stem = output.name.removesuffix(".safetensors")
    write_csv(rows, output.with_name(f"{stem}.norms.csv"))
    shown = Table(title=f"Norms in {loaded.id}")
    columns = [name for name in rows[0].__struct_fields__[1:] if not name.endswith("_error")]
    for column in columns:
        shown.add_column(column.replace("_", " "), justify="right")
    step = max(1, len(settings.layers) // 6)
    for row in rows:
        if settings.layers.index(row.layer) % step == 0:
            values = [getattr(row, column) for column in columns]
            shown.add_row(*(f"{v:.3g}" if isinstance(v, float) else str(v) for v in values))
    console.print(shown)
