"""Fixtures that several folders share."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import inspect_ai
import numpy as np
import polars as pl
import pytest
from inspect_ai.log import EvalLog

from harness.records.record import Record, frame

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data that is not part of the repository; tests that read it skip without."""
    folder = Path(os.environ.get("PENCHANT_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"real data not found at {folder} (set PENCHANT_SHARED)")
    return folder


RunEval = Callable[..., EvalLog]


@pytest.fixture
def run_eval(tmp_path: Path) -> RunEval:
    """Run one task of a file under evals/ and give its log; extra arguments go to Inspect."""

    def run(
        task: str,
        model: str = "sim/faithful",
        *,
        task_args: dict[str, Any] | None = None,
        folder: str = "logs",
        **arguments: Any,
    ) -> EvalLog:
        name = task if "@" in task else f"{task}@{task.removesuffix('.py')}"
        [log] = inspect_ai.eval(
            str(ROOT / "evals" / name),
            model=model,
            task_args=task_args or {},
            log_dir=str(tmp_path / folder),
            log_realtime=False,
            display="none",
            **arguments,
        )
        return log

    return run


def records_of(log: EvalLog) -> list[dict[str, Any]]:
    """The records in a log, in the order of the questions' content."""
    rows = [
        row
        for sample in log.samples or []
        for score in (sample.scores or {}).values()
        for row in (score.metadata or {}).get("records", ())
    ]
    return sorted(rows, key=lambda row: (row["prompt_hash"], row.get("repeat", 0)))


@pytest.fixture
def records() -> Callable[[EvalLog], list[dict[str, Any]]]:
    """`records_of`, for tests in folders that cannot import this one."""
    return records_of


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
