"""A report on many records: time and memory, beside Inspect's own reading of the same logs.

Two runs of simulated raters give a real sample of ratings and one of choices, in blocks of 25;
logs are written that hold as many such samples as wanted, with answers drawn anew: four records in
five are ratings (20 repeats, or 16), the others choices between pairs in both orders. Time is of
`penchant report` in a process of its own, with an empty cache, from start to end; memory its
largest resident set. Exit status 1 where one of them is above its bound.
`python -m benchmarks.report --records 100000`
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import inspect_ai
import msgspec
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
BLOCK = 25
ORIGINS = ("alpaca", "wildchat", "math", "bailbench", "stress_test")
TEMPLATES = ("anchored_1_5", "anchored_precise_1_5", "stated_1_5", "likert_agreement")
READER = """
import sys
from inspect_ai.log import list_eval_logs, read_eval_log
for log in list_eval_logs(sys.argv[1]):
    read_eval_log(log)
"""


@dataclass(frozen=True)
class Shape:
    """What the logs hold: `raters` × `templates` cells of ratings, `choosers` cells of choices."""

    raters: int
    templates: int
    items: int
    repeats: int
    choosers: int
    pairs: int
    seconds: float
    gigabytes: float

    @property
    def records(self) -> int:
        """All records."""
        ratings = self.raters * self.templates * self.items * self.repeats
        return ratings + self.choosers * 2 * self.pairs


SHAPES = {
    2_000: Shape(2, 1, 50, 16, 1, 200, 60.0, 1.0),
    100_000: Shape(5, 2, 500, 16, 2, 5_000, 25.0, 1.0),
    1_000_000: Shape(10, 4, 1_000, 20, 5, 20_000, 240.0, 4.0),
}


@dataclass(frozen=True)
class Model:
    """A real log to write others after: its header and one whole sample."""

    header: dict[str, Any]
    sample: dict[str, Any]

    def records(self) -> list[dict[str, Any]]:
        """The records of the sample."""
        (score,) = self.sample["scores"].values()
        found: list[dict[str, Any]] = score["metadata"]["records"]
        return found


def model_log(folder: Path, task: str, **options: Any) -> Model:
    """Run `task` on a simulated rater and take its fullest sample."""
    [log] = inspect_ai.eval(
        str(ROOT / "evals" / task), model="sim/faithful", display="none", log_dir=str(folder),
        task_args={"block": BLOCK, "per_origin": 10, **options},
    )  # fmt: skip
    with zipfile.ZipFile(str(log.location).removeprefix("file://")) as archive:
        header = msgspec.json.decode(archive.read("header.json"))
        names = [name for name in archive.namelist() if name.startswith("samples/")]
        found = [Model(header, msgspec.json.decode(archive.read(name))) for name in names]
    return max(found, key=lambda one: len(one.records()))


def write_log(path: Path, model: Model, rater: str, rows: list[dict[str, Any]]) -> None:
    """A log of `rows` (what differs between records) in blocks, each a copy of the model's."""
    header = deepcopy(model.header)
    header["eval"] |= {"model": rater, "task_id": path.stem, "eval_id": path.stem}
    header["eval"]["run_id"] = path.stem
    models = model.records()
    size = len(models)
    blocks = [rows[at : at + size] for at in range(0, len(rows), size)]
    header["eval"]["dataset"]["samples"] = len(blocks)
    header["results"] |= {"total_samples": len(blocks), "completed_samples": len(blocks)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("header.json", msgspec.json.encode(header))
        for number, block in enumerate(blocks):
            sample = {**model.sample, "id": f"block {number:05}", "uuid": f"{path.stem}-{number}"}
            sample["scores"] = dict(sample["scores"])
            (key,) = sample["scores"]
            score = dict(sample["scores"][key])
            records = [
                {**record, **row, "rater": rater}
                for record, row in zip(models, block, strict=False)
            ]
            score["metadata"] = {**score["metadata"], "records": records}
            sample["scores"][key] = score
            archive.writestr(f"samples/block {number:05}_epoch_1.json", msgspec.json.encode(sample))


def ratings(shape: Shape, seed: int) -> Iterator[dict[str, Any]]:
    """Ratings of all items, each as often as there are repeats."""
    rng = np.random.default_rng(seed)
    liked = rng.normal(3, 1, shape.items)
    for repeat in range(shape.repeats):
        values = np.clip(np.rint(liked + rng.normal(0, 0.7, shape.items)), 1, 5)
        for item, value in enumerate(values):
            yield {
                "item": f"item_{item:05}", "origin": ORIGINS[item % 5], "repeat": repeat,
                "value": float(value), "normalised": (float(value) - 1) / 4,
                "answer": str(int(value)), "outcome": "answered", "seed": repeat,
                "prompt_hash": f"p{item}", "item_hash": f"h{item}", "completion_hash": f"c{item}",
            }  # fmt: skip


def choices(shape: Shape, seed: int) -> Iterator[dict[str, Any]]:
    """Choices between pairs drawn at random, each in both orders."""
    rng = np.random.default_rng(seed)
    liked = rng.normal(0, 1.2, shape.items)
    for _ in range(shape.pairs):
        pair = rng.choice(shape.items, 2, replace=False)
        for first, second in (pair, pair[::-1]):
            wins = rng.normal() < (liked[first] - liked[second] - 0.3) / np.sqrt(2)
            yield {
                "item_first": f"item_{first:05}", "item_second": f"item_{second:05}",
                "origin_first": ORIGINS[first % 5], "origin_second": ORIGINS[second % 5],
                "item_hash_first": f"h{first}", "item_hash_second": f"h{second}",
                "choice": "first" if wins else "second", "answer": "A" if wins else "B",
                "outcome": "answered", "prompt_hash": f"p{first}-{second}",
                "completion_hash": f"c{first}+c{second}",
            }  # fmt: skip


def write_logs(shape: Shape, folder: Path, scratch: Path) -> None:
    """One log a cell."""
    for place, template in enumerate(TEMPLATES[: shape.templates]):
        task = {"likert_agreement": "likert"}.get(template, "anchored")
        model = model_log(scratch, f"{task}.py@{template}", seeds=1)
        for rater in range(shape.raters):
            rows = list(ratings(shape, 100 * place + rater))
            write_log(folder / f"{template}-{rater:02}.eval", model, f"sim/rater{rater}", rows)
    model = model_log(scratch, "pairwise.py@pairwise", pairs="regular:3")
    for rater in range(shape.choosers):
        rows = list(choices(shape, 1000 + rater))
        write_log(folder / f"choices-{rater:02}.eval", model, f"sim/rater{rater}", rows)


@dataclass(frozen=True)
class Ran:
    """One process: seconds by the clock and of CPU, and its largest resident set in gigabytes."""

    wall: float
    cpu: float
    gigabytes: float


def measured(command: list[str], cache: Path) -> Ran:
    """Run to the end in a process of its own."""
    began = time.monotonic()
    process = subprocess.Popen(
        command, env=os.environ | {"PENCHANT_CACHE": str(cache)}, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"report: {command} ended with {status}")
    return Ran(time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20)


def main() -> None:
    """Write the logs, report on them, let Inspect read them, print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, choices=sorted(SHAPES), default=100_000)
    arguments = parser.parse_args()
    shape = SHAPES[arguments.records]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        logs = scratch / "logs"
        logs.mkdir()
        write_logs(shape, logs, scratch / "models")
        size = sum(file.stat().st_size for file in logs.iterdir()) / 2**20
        penchant = [sys.executable, "-m", "harness.cli.main", "report", str(logs)]
        ran = measured([*penchant, "-o", str(scratch / "report")], scratch / "cache")
        page = (scratch / "report" / "index.html").stat().st_size / 2**20
        figures = len(list((scratch / "report" / "figures").iterdir()))
        inspect = measured([sys.executable, "-c", READER, str(logs)], scratch / "cache")
    print(
        f"{shape.records:,} records in {len(TEMPLATES[: shape.templates]) * shape.raters} + "
        f"{shape.choosers} logs of {size:.0f} MiB: a page of {page:.1f} MiB, {figures} figures"
    )
    for what, one in (("penchant report", ran), ("read_eval_log alone", inspect)):
        print(f"{what:20s} {one.wall:6.1f} s ({one.cpu:.1f} s CPU), {one.gigabytes:.2f} GB")
    if ran.wall > shape.seconds or ran.gigabytes > shape.gigabytes:
        sys.exit(f"report: above {shape.seconds:g} s or {shape.gigabytes:g} GB")


if __name__ == "__main__":
    main()
