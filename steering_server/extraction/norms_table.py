"""How large activations are, by selector and layer, with and without the first-token sink."""

import csv
from collections.abc import Sequence
from pathlib import Path

import msgspec
import torch

from harness.items.formulas import defused_row
from steering_server.extraction.extract import Extracted, Settings
from steering_server.model.models import Loaded

__all__ = ["NormRow", "norm_rows", "write_csv"]


class NormRow(msgspec.Struct, frozen=True, kw_only=True):
    """`at_selector` is the mean norm of the selected activations, `difference` the norm of the
    mean difference between the conditions, `share` that over `mean_without_sink`; the others are
    over all tokens. Those in `…_error` are standard errors, over the `items` of one condition or
    over conversations; that of `difference` is along its own direction."""

    model: str
    selector: str
    layer: int
    at_selector: float
    difference: float
    share: float
    mean_without_sink: float
    median: float
    last: float
    mean_all: float
    items: int
    at_selector_error: float
    difference_error: float
    mean_without_sink_error: float
    mean_all_error: float


def norm_rows(loaded: Loaded, settings: Settings, extracted: Extracted) -> list[NormRow]:
    """One row a selector and layer."""
    mean = extracted.positive.mean(0) - extracted.negative.mean(0)
    difference = mean.norm(dim=-1)
    error = _difference_error(extracted, mean)
    sizes = torch.cat([extracted.positive, extracted.negative]).norm(dim=-1)
    size_error = sizes.std(0) / len(sizes) ** 0.5
    rows = []
    for number, selector in enumerate(settings.selectors):
        for index, layer in enumerate(settings.layers):
            kinds = {kind: values[layer] for kind, values in extracted.norms.items()}
            gap = float(difference[number, index])
            rows.append(
                NormRow(
                    model=loaded.id,
                    selector=selector,
                    layer=layer,
                    at_selector=float(extracted.at_selector[number, index]),
                    difference=gap,
                    share=gap / kinds["mean_without_sink"],
                    **kinds,
                    items=extracted.count,
                    at_selector_error=float(size_error[number, index]),
                    difference_error=float(error[number, index]),
                    mean_without_sink_error=extracted.errors["mean_without_sink"][layer],
                    mean_all_error=extracted.errors["mean_all"][layer],
                )
            )
    return rows


def _difference_error(extracted: Extracted, mean: torch.Tensor) -> torch.Tensor:
    """Standard error [selectors, layers] of the mean difference along its own direction, of
    independent sides; paired where each item stands on both."""
    unit = mean / mean.norm(dim=-1, keepdim=True).clamp_min(1e-30)
    above, below = ((side * unit).sum(-1) for side in (extracted.positive, extracted.negative))
    variance = above.var(0) / len(above) + below.var(0) / len(below)
    if extracted.paired:
        variance = (above - below).var(0) / len(above)
    error: torch.Tensor = variance.sqrt()
    return error


def write_csv(rows: Sequence[NormRow], path: Path) -> None:
    """Write `rows` with a header."""
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(NormRow.__struct_fields__)
        writer.writerows(defused_row(msgspec.structs.astuple(row)) for row in rows)
