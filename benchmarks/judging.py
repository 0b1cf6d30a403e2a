"""CPU per text judged by a model, beside the rule alone, on one log of completions.

Scored as `inspect score` does, once by rule and once with `sim/judge` besides (which reads the
same rule); every text is another, so that each is asked. `python -m benchmarks.judging`
"""

import argparse
import json
import resource
import tempfile
from pathlib import Path

import inspect_ai
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.model import get_model

from harness.where import SHELL_DIRECTORY
from scorers.refusal import refusal


def main() -> None:
    """Make the completions, score them twice, print milliseconds of CPU a text."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--block", type=int, default=25)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = completed(folder, options.texts, options.block)
        for judged in (False, True):
            roles = {"judge": get_model("sim/judge", memoize=False)} if judged else None
            began = cpu()
            inspect_ai.score(
                log, refusal(folder=str(folder / "kept")), action="append", display="none",
                copy=False, model_roles=roles,
            )  # fmt: skip
            spent = (cpu() - began) / options.texts * 1000
            how = "rule and sim/judge" if judged else "rule alone"
            print(f"{options.texts} texts, block {options.block}, {how}: {spent:.3f} ms each")
        kept = (folder / "kept" / "judgements.jsonl").read_bytes().count(b"\n")
        assert kept == options.texts, f"{kept} of {options.texts} texts were asked about"


def completed(folder: Path, texts: int, block: int) -> EvalLog:
    """A log of so many completions, no two alike."""
    items = folder / "items.jsonl"
    with items.open("w") as file:
        for number in range(texts):
            word = "".join(chr(97 + int(digit)) for digit in f"{number:06d}") * 2
            one = {"id": f"i{number}", "text": f"Explain {word}, briefly.", "origin": "alpaca"}
            file.write(json.dumps(one) + "\n")
    [log] = inspect_ai.eval(
        str(SHELL_DIRECTORY / "evals" / "completions.py@completions"), model="sim/refuser",
        model_args={"refusal": 0.2}, task_args={"items": str(items), "block": block},
        log_dir=str(folder / "logs"), display="none", log_realtime=False,
    )  # fmt: skip
    assert log.status == "success", log.error
    return read_eval_log(log.location)


def cpu() -> float:
    """Seconds of CPU of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
