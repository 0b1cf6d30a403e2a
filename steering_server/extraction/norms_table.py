"""How large activations are, by selector and layer, with and without the first-token sink."""

import csv
from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness.items.formulas import defused_row
from steering_server.extraction.extract import Extracted, Settings
from steering_server.model.models import Loaded

__all__ = ["NormRow", "norm_rows", "write_csv"]


class NormRow(msgspec.Struct, frozen=True, kw_only=True):
    """`at_selector` is the mean norm of the selected activations, `difference` the norm of the
    mean difference between the conditions, `share` that over `mean_without_sink`; the others are
    over all tokens."""

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


def norm_rows(loaded: Loaded, settings: Settings, extracted: Extracted) -> list[NormRow]:
    """One row a selector and layer."""
    difference = (extracted.positive.mean(0) - extracted.negative.mean(0)).norm(dim=-1)
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
                )
            )
    return rows


def write_csv(rows: Sequence[NormRow], path: Path) -> None:
    """Write `rows` with a header."""
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(NormRow.__struct_fields__)
        writer.writerows(defused_row(msgspec.structs.astuple(row)) for row in rows)
