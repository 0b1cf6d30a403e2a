"""`steering-server probe`."""

import csv
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from harness.errors import UsageError
from harness.items.formulas import defused_row
from steering_server.capture.columns import Column, Values, read_values
from steering_server.capture.folder import ActivationsFolder, open_activations
from steering_server.probing.direction import probe_vector
from steering_server.probing.features import encoded, surface, words
from steering_server.probing.folds import Folds, item_folds, origin_folds
from steering_server.probing.ridge import Array
from steering_server.probing.table import Place, Problem, Row, precision, probe_rows, shuffled

__all__ = ["probe", "where_options"]

_SHOWN = ("r", "low", "high", "shuffled", "p", "surface", "words", "encoder")


def where_options(given: Sequence[str]) -> dict[str, str]:
    """`--where COLUMN=VALUE`, any number of them. UsageError."""
    pairs = [one.partition("=") for one in given]
    for one, (name, equals, _) in zip(given, pairs, strict=True):
        if not (name and equals):
            raise UsageError(f"--where {one!r}; expected COLUMN=VALUE")
    return {name: value for name, _, value in pairs}


@click.command()
@click.option("--activations", required=True, type=click.Path(path_type=Path), help="folder")
@click.option(
    "--target",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="table with a column item: utilities, records (.csv, .parquet, .jsonl) or a log",
)
@click.option("--column", default="utility", show_default=True, help="what is predicted")
@click.option(
    "--error", "error_column", help="its standard error (default: se, where there is one)"
)
@click.option("--where", multiple=True, metavar="COLUMN=VALUE", help="rows to use; repeatable")
@click.option("--folds", default=5, show_default=True, type=click.IntRange(2, 50))
@click.option(
    "--shuffles",
    default=32,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="shuffles within origin; p can be no less than 1 / (SHUFFLES + 1)",
)
@click.option("--text-encoder", metavar="DIR_OR_ID", help="a text encoder, as a further control")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="NAME.safetensors"
)
def probe(
    activations: Path,
    target: Path,
    column: str,
    error_column: str | None,
    where: tuple[str, ...],
    folds: int,
    shuffles: int,
    text_encoder: str | None,
    seed: int,
    output: Path,
) -> None:
    """Predict a number an item from activations, and beat what the items' texts show already.

    \b
    penchant utilities logs/ -o utilities.csv
    steering-server probe --activations acts/ --target utilities.csv -o vectors/probe.safetensors

    Ridge regression; each item is predicted from other folds, whose inner folds chose the penalty.
    r is within folds, its 95 % interval is over items. An item whose target is less certain counts
    for less. The row "chosen" also chose span, selector and layer by the inner folds, so its r is
    not the best of many. Beside each r stand those of targets shuffled within origin, of length and
    surface features and of a bag of words; gain is r less the control it is least sure to beat.
    The same with whole origins held out follows.

    Writes the direction (a vector file with every layer captured) and NAME.csv (all rows).
    """
    folder = open_activations(activations)
    values = read_values(target, Column(column, error=error_column, where=where_options(where)))
    used = values.aligned([item.id for item in folder.items])
    origins = [folder.items[index].origin for index in used]
    rng = np.random.default_rng(seed)
    by_items = item_folds(origins, folds, rng)
    wanted = np.array([values.of[folder.items[index].id] for index in used])
    if np.ptp(wanted) == 0:
        raise UsageError(f"{target}: column {column!r} is {wanted[0]:g} for all {len(used)} items")
    errors = np.array([values.error[folder.items[index].id] for index in used])
    problem = _problem(folder, used, wanted, errors, shuffles, text_encoder, rng)
    places = _places(folder)
    designs = [by_items, origin_folds(origins, rng)]
    rows = _rows(problem, places, [one for one in designs if one is not None])
    console = Console(width=None if Console().is_terminal else 120)
    data, best = probe_vector(
        folder,
        used,
        wanted,
        problem.weights,
        by_items,
        places,
        matrix=problem.matrix,
        note=f"{column} of {target.name}; held-out r {rows[0].r:.3f}, gain {rows[0].gain:.3f}",
    )
    _write(rows, data, output)
    _show(rows, places, best, console)
    _notes(folder, values, used, wanted, errors, designs[1] is None, console)
    console.print(f"direction: {best.span} {best.selector}, layer {best.layer}; wrote {output}")


def _places(folder: ActivationsFolder) -> list[Place]:
    found = [
        Place(span, selector, layer)
        for span in folder.plan.spans
        for selector in folder.plan.selectors
        if selector != "all"
        for layer in folder.plan.layers
    ]
    if not found:
        raise UsageError(f"{folder.path} has selector all alone; expected first, last or mean")
    return found


def _problem(
    folder: ActivationsFolder,
    used: Sequence[int],
    wanted: Array,
    errors: Array,
    shuffles: int,
    text_encoder: str | None,
    rng: np.random.Generator,
) -> Problem:
    items = [folder.items[index] for index in used]
    # What a probe of the completion could read there, the controls may read too.
    told = "completion" in folder.plan.spans
    texts = [f"{one.text}\n{one.completion}" if told else one.text for one in items]
    lengths = np.sum([folder.lengths(span)[used] for span in folder.plan.spans], axis=0)
    features = {"surface": surface(texts, lengths), "words": words(texts)}
    if text_encoder is not None:
        features["encoder"] = encoded(texts, text_encoder)
    scaled = (wanted - wanted.mean()) / wanted.std()
    return Problem(
        targets=shuffled(scaled, [one.origin for one in items], shuffles, rng),
        weights=precision(wanted, errors),
        matrix=lambda place: folder.matrix(place.span, place.selector, place.layer)[used],
        features=features,
    )


def _rows(problem: Problem, places: Sequence[Place], designs: Sequence[Folds]) -> list[Row]:
    rows: list[Row] = []
    with Progress(console=Console(stderr=True)) as progress:
        for folds in designs:
            task = progress.add_task(f"{folds.design} held out", total=len(places))

            def advance(task: object = task) -> None:
                progress.advance(task)  # type: ignore[arg-type]

            rows += probe_rows(problem, places, folds, advance=advance)
    return rows


def _write(rows: Sequence[Row], data: bytes, output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    stem = output.name.removesuffix(".safetensors")
    with output.with_name(f"{stem}.csv").open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(Row.__struct_fields__)
        writer.writerows(defused_row(msgspec.structs.astuple(row)) for row in rows)
    output.write_bytes(data)


def _show(rows: Sequence[Row], places: Sequence[Place], best: Place, console: Console) -> None:
    """The chosen row of each design, and every few layers of the span and selector it is of."""
    layers = sorted({place.layer for place in places})
    step = max(1, len(layers) // 6)
    shown = {-1, best.layer, *layers[::step]}
    for design in dict.fromkeys(row.design for row in rows):
        own = [row for row in rows if row.design == design]
        encoder = own[0].encoder is not None
        table = Table(title=f"Held-out r, {own[0].items} items, {design} held out")
        names = ("span", "selector", "layer", "r", "shuffled", "p", "surface", "words")
        for name in (*names, *(["encoder"] if encoder else []), "gain over", "beyond"):
            left = name in ("span", "selector", "gain over")
            table.add_column(name, justify="left" if left else "right")
        for row in own:
            place = (row.span, row.selector) == (best.span, best.selector)
            if row.layer in shown and (row.layer == -1 or place):
                table.add_row(*_cells(row, encoder=encoder))
        console.print(table)


def _cells(row: Row, *, encoder: bool) -> list[str]:
    return [
        row.span,
        row.selector,
        "chosen" if row.layer == -1 else str(row.layer),
        f"{row.r:.2f} [{row.low:.2f}, {row.high:.2f}]",
        f"{row.shuffled:.2f}",
        f"{row.p:.3f}",
        f"{row.surface:.2f}",
        f"{row.words:.2f}",
        *([f"{row.encoder:.2f}"] if encoder else []),
        f"{row.against} {row.gain:+.2f} [{row.gain_low:.2f}, {row.gain_high:.2f}]",
        "yes" if row.beyond else "no",
    ]


def _notes(
    folder: ActivationsFolder,
    values: Values,
    used: Sequence[int],
    wanted: Array,
    errors: Array,
    one_origin: bool,
    console: Console,
) -> None:
    """What was left out, and how much of the target is error."""
    console.print(
        f"{len(used)} items have activations and a target; {len(folder.items) - len(used)} have "
        f"no target, {len(values.of) - len(used)} no activations; {values.empty} of "
        f"{values.rows} rows have no number"
    )
    noise = float((errors**2).mean())
    if noise:
        ceiling = float(np.sqrt(wanted.var() / (wanted.var() + noise)))
        console.print(
            f"the target's own errors: r with the true values can be at most about {ceiling:.2f} "
            "(read as posterior means)"
        )
    if one_origin:
        console.print("no origin held out: expected two origins or more, of three items or more")
