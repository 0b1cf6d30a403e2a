"""The main job with a real model on real items: SmolLM2-135M-Instruct by Inspect's own provider.

Brings the model (scripts/fetch_small_model.py), completes twelve items, asks three rating
templates and pairs in both orders (plain and reasoned), and makes the report. Such a small model
mostly fails to answer in the form asked: much is `invalid`, and none of that may become a rating
or a choice. With the real data absent the built-in items are used.

`--answers FILE` adds the model's answers with their outcomes to a TOML file, for a person to read.
"""

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import inspect_ai
import msgspec
from inspect_ai.log import EvalLog
from inspect_ai.model import Model, get_model

from harness.records.kept import kept_of
from harness.records.record import Record

ROOT = Path(__file__).resolve().parents[2]
PER_ORIGIN = 3
TASKS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("anchored.py@anchored_precise_1_5", {"measurement_max_tokens": 32}),
    ("fruit.py@fruit_rating", {"measurement_max_tokens": 32}),
    ("likert.py@likert_qualitative", {"measurement_max_tokens": 32}),
    ("pairwise.py@pairwise", {"pairs": "regular:2", "measurement_max_tokens": 32}),
    (
        "pairwise.py@pairwise",
        {"pairs": "regular:2", "response": "reasoned", "measurement_max_tokens": 96},
    ),
)


def items() -> str:
    """Real items of four sources where the data folder is there, else the built-in ones."""
    raw = Path(os.environ.get("PENCHANT_SHARED", ROOT.parent / "shared")) / "data" / "raw"
    if not raw.is_dir():
        return "builtin:alpaca+builtin:math+builtin:wildchat+builtin:bailbench"
    return (
        f"alpaca:{raw}/alpaca.json+math:{raw}/math500.jsonl"
        f"+wildchat:{raw}/wildchat_first_turns.jsonl+bailbench:{raw}/bailbench.csv"
    )


def model() -> Model:
    """The small model, on the CPU."""
    script = ROOT / "scripts" / "fetch_small_model.py"
    fetched = subprocess.run(
        [sys.executable, script], stdout=subprocess.PIPE, check=True, text=True
    )
    return get_model("hf/smollm2", model_path=fetched.stdout.strip(), device="cpu", memoize=True)


def run(task: str, options: dict[str, Any], rater: Model, folder: Path) -> EvalLog:
    """One task; anything but success ends the check."""
    [log] = inspect_ai.eval(
        str(ROOT / "evals" / task),
        model=rater,
        task_args={"items": items(), "per_origin": PER_ORIGIN, **options},
        log_dir=str(folder),
        display="plain",
        max_connections=16,
    )
    if log.status != "success":
        sys.exit(f"real model: {task} ended with {log.status}: {log.error and log.error.message}")
    return log


def records_of(log: EvalLog) -> list[Record]:
    """The records of a log."""
    return [
        msgspec.convert(row, Record)
        for sample in log.samples or []
        for score in (sample.scores or {}).values()
        for row in (score.metadata or {})["records"]
    ]


def check(log: EvalLog) -> None:
    """No value without an answer, and no answer that is not a declared label."""
    for record in records_of(log):
        answered = record.outcome == "answered"
        measured = record.value is not None or record.choice is not None
        if answered != measured or (answered and record.answer not in record.labels.split(",")):
            sys.exit(f"real model: a record was guessed: {record}")


def answers(log: EvalLog) -> list[str]:
    """The log's replies as entries of tests/text/answers.toml."""
    lines = []
    for sample in log.samples or []:
        found = kept_of(sample.output)
        assert found is not None
        rows = next(iter((sample.scores or {}).values())).metadata or {}
        for asked, row in zip(found.asked, rows["records"], strict=True):
            fields = {
                "text": asked.reply.text,
                "template": row["template"],
                "response": row["response"],
                "stop": asked.reply.stop,
                "outcome": row["outcome"],
                "label": row.get("answer"),
                "source": "SmolLM2-135M-Instruct",
            }
            entry = [f"{k} = {json.dumps(v)}" for k, v in fields.items() if v is not None]
            lines.append("[[answer]]\n" + "\n".join(entry) + "\n")
    return lines


def main() -> None:
    """Run everything and print the outcomes of each task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=Path, default=Path("logs/real"))
    parser.add_argument("--answers", type=Path)
    arguments = parser.parse_args()
    rater = model()
    made = run("completions.py@completions", {"completion_max_tokens": 48}, rater, arguments.logs)
    for task, options in TASKS:
        log = run(task, {"completions": str(made.location), **options}, rater, arguments.logs)
        check(log)
        counts = Counter(record.outcome for record in records_of(log))
        choices = Counter(record.choice for record in records_of(log) if record.choice)
        print(f"{task} {options.get('response', 'plain')}: {dict(counts)} {dict(choices)}")
        if arguments.answers:
            with arguments.answers.open("a") as file:
                file.write("\n".join(answers(log)) + "\n")
    report = [sys.executable, "-m", "harness.cli.main", "report", str(arguments.logs)]
    subprocess.run([*report, "-o", str(arguments.logs / "report")], check=True)


if __name__ == "__main__":
    main()
