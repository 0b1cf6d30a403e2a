"""Builders of small record tables."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from harness.records.record import Record, frame

RatingTable = Callable[..., pl.DataFrame]


@pytest.fixture
def rating_table() -> RatingTable:
    """Rating records from a matrix items × repeats; NaN is `refused`; fields by keyword."""

    def build(values: object, **fields: object) -> pl.DataFrame:
        common: dict[str, object] = {
            "template": "anchored_1_5",
            "template_hash": "h1",
            "prompt_hash": "p",
            "timing": "post",
            "response": "plain",
            "readout": "sample",
            "labels": "",
            "rater": "sim/a",
        } | fields
        matrix = np.asarray(values, dtype=float)
        return frame(
            [
                Record(
                    kind="rating",
                    item=f"item_{i:04d}",
                    repeat=k,
                    outcome="answered" if np.isfinite(value) else "refused",
                    value=float(value) if np.isfinite(value) else None,
                    normalised=(float(value) - 1) / 4 if np.isfinite(value) else None,
                    **({"origin": f"origin_{i % 2}"} | common),  # type: ignore[arg-type]
                )
                for i, row in enumerate(matrix)
                for k, value in enumerate(row)
            ]
        )

    return build
