"""`steering-server activations`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import click
import msgspec
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from harness.errors import UsageError
from harness.items.item import Item, text_hash
from harness.items.load import load_items
from harness.prompts.conditions import Condition, condition
from steering_server.capture.completions import read_completions
from steering_server.capture.folder import ActivationPlan, ActivationsFolder, KeptItem
from steering_server.capture.passing import SELECTORS, Wanted, capture
from steering_server.capture.placed import SPANS, Placed, place
from steering_server.commands.extract import parse_layers
from steering_server.commands.options import ModelOptions, model_options
from steering_server.extraction.extract import items_hash
from steering_server.model.conversation import SystemAs
from steering_server.model.models import DType, Loaded

__all__ = ["activations", "parse_names"]

_STORED = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
Name = TypeVar("Name", bound=str)


def parse_names(text: str, allowed: Sequence[Name], option: str) -> tuple[Name, ...]:
    """Names joined by commas, in the order of `allowed`. UsageError."""
    named = [part.strip() for part in text.split(",")]
    if not set(named) <= set(allowed) or len(set(named)) != len(named):
        raise UsageError(f"{option} {text!r}; expected some of {','.join(allowed)}")
    return tuple(name for name in allowed if name in named)


@click.command()
@model_options
@click.option("--items", required=True, help="builtin:math, math:FILE, FILE.jsonl, joined by +")
@click.option("--per-origin", type=click.IntRange(min=1), help="at most so many items an origin")
@click.option("--sample-seed", default=0, show_default=True)
@click.option("--system", default="none", show_default=True, help="a condition's name or TOML file")
@click.option(
    "--completions",
    type=click.Path(path_type=Path, dir_okay=False),
    help="log of evals/completions.py, or JSONL with item and text; needed for span completion",
)
@click.option("--layers", default="all", show_default=True, help="all, 16, 10-20 or 4,8,16")
@click.option(
    "--selectors", default="last", show_default=True, help=f"some of {','.join(SELECTORS)}"
)
@click.option("--span", "spans", default="prompt", show_default=True, help=f"of {','.join(SPANS)}")
@click.option("--store", type=click.Choice(list(_STORED)), default="float32", show_default=True)
@click.option("--batch", default=16, show_default=True, type=click.IntRange(1, 4096), help="items")
@click.option(
    "--batch-tokens",
    default=4096,
    show_default=True,
    type=click.IntRange(min=1),
    help="most tokens in one pass, padding included",
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="folder")
def activations(
    model: str,
    name: str | None,
    dtype: DType,
    device: str,
    device_map: str | None,
    threads: int | None,
    chat_template: Path | None,
    chat_template_kwargs: str | None,
    system_as: SystemAs,
    items: str,
    per_origin: int | None,
    sample_seed: int,
    system: str,
    completions: Path | None,
    layers: str,
    selectors: str,
    spans: str,
    store: str,
    batch: int,
    batch_tokens: int,
    output: Path,
) -> None:
    """Capture activations of whole item sets, at every layer asked for.

    \b
    steering-server activations --model ~/.cache/penchant/smollm2 --items builtin \\
        --layers 8-20 --selectors last,mean --span item,prompt -o acts/

    Spans: item (the item's own text), turn_end (what the chat template puts after it: first is the
    end-of-turn token, last the last before the reply), prompt (both, after any system prompt),
    completion. Selectors: first, last, mean of a span, or all of its tokens.

    Writes safetensors files of BATCH items each. An interrupted run goes on where it was; memory is
    that of one file and one pass.
    """
    here = Path.cwd()
    chosen = load_items(items, per_origin=per_origin, sample_seed=sample_seed, base=here).items
    told = condition(system, base=here)
    wanted_spans = parse_names(spans, SPANS, "--span")
    if "completion" in wanted_spans and completions is None:
        raise UsageError("--span completion needs --completions")
    kept, missing = _kept(chosen, completions)
    if threads is not None:
        torch.set_num_threads(threads)
    wanted_selectors = parse_names(selectors, SELECTORS, "--selectors")
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
    wanted = Wanted(
        wanted_spans,
        wanted_selectors,
        parse_layers(layers, loaded.depth),
        _STORED[store],
        batch_tokens,
    )
    folder = ActivationsFolder(output, _plan(loaded, kept, told, wanted, store, batch), kept)
    folder.start()
    console = Console(stderr=True)
    _fill(loaded, folder, told.text or None, wanted, console)
    size = sum(folder.file(number).stat().st_size for number in folder.chunks)
    console.print(
        f"{len(kept)} items ({missing} left out, without a completion), {len(wanted.layers)} "
        f"layers, {size / 1e6:.1f} MB in {output}/"
    )


def _kept(items: Sequence[Item], completions: Path | None) -> tuple[list[KeptItem], int]:
    """Items with their completions, and how many had none."""
    if completions is None:
        return [KeptItem(item.id, item.origin, item.text) for item in items], 0
    known = read_completions(completions)
    kept = [
        KeptItem(item.id, item.origin, item.text, known[item.id]["text"])
        for item in items
        if item.id in known and known[item.id]["text"].strip()
    ]
    if not kept:
        raise UsageError(f"{completions} has a completion of none of the {len(items)} items")
    return kept, len(items) - len(kept)


def _plan(
    loaded: Loaded,
    kept: Sequence[KeptItem],
    system: Condition,
    wanted: Wanted,
    store: str,
    batch: int,
) -> ActivationPlan:
    texts = [system.text, *(item.completion or "" for item in kept)]
    return ActivationPlan(
        model=loaded.id,
        weights=loaded.weights,
        template=loaded.template,
        system_as=loaded.style.system_as,
        template_options=msgspec.json.encode(loaded.style.options, order="sorted").decode(),
        dtype=loaded.dtype_name,
        items=items_hash([item.item() for item in kept]),
        texts=text_hash("\n".join(map(text_hash, texts))),
        system=system.name,
        spans=wanted.spans,
        selectors=wanted.selectors,
        layers=wanted.layers,
        depth=loaded.depth,
        stored=store,
        count=len(kept),
        chunk=batch,
    )


def _fill(
    loaded: Loaded, folder: ActivationsFolder, system: str | None, wanted: Wanted, console: Console
) -> None:
    """Capture the chunks that are not there yet."""
    columns = (TextColumn("items"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("items", total=len(folder.items))
        for number in folder.chunks:
            part = folder.part(number)
            if not folder.has(number):
                placed = [_placed(loaded, item, system, wanted) for item in part]
                folder.write(number, capture(loaded, placed, wanted))
            progress.advance(task, len(part))


def _placed(loaded: Loaded, item: KeptItem, system: str | None, wanted: Wanted) -> Placed:
    completion = item.completion if "completion" in wanted.spans else None
    placed = place(loaded, item.item(), system=system, completion=completion)
    lacking = [span for span in wanted.spans if span not in placed.spans]
    if lacking:
        raise UsageError(f"item {item.id!r} has no span {lacking[0]!r} in this chat template")
    return placed
