"""CPU per measurement: plain Inspect against this project at several block sizes, in one run.

Plain Inspect is one generate a sample with a trivial scorer, same respondent, same prompts, same
log options. Each case is warmed up once; the median of the rounds is printed with the ratio to
plain. `python benchmarks/overhead.py --measurements 600 --rounds 3`

The respondent answers in process at zero latency; its own time is in every
case, plain too. Repeats are epochs, so a sample of block N asks N questions.
Blocks above 1 measure eight times as much, so that a run's fixed cost weighs alike in all cases.
"""

import argparse
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import inspect_ai
from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import Score, Scorer, Target, accuracy, scorer
from inspect_ai.solver import TaskState, generate

from evals.building import completion_task, rating_task
from harness.items.builtin import builtin_items
from harness.measuring.asking import chat
from harness.prompts.catalogue import get_template
from harness.prompts.render import rating_messages
from harness.respondent.phrases import completion_text

BLOCKS = (1, 10, 25, 50)
Run = tuple[float, float]


@scorer(metrics=[accuracy()])
def trivial() -> Scorer:
    """Correct whatever was said."""

    async def score(state: TaskState, target: Target) -> Score:
        return Score(value=1, answer=state.output.completion)

    return score


def plain_task(items: int) -> Task:
    """One rating question a sample, the conversation given, no record made."""
    template = get_template("anchored_precise_1_5", base=Path())
    samples = []
    for item in builtin_items()[:items]:
        messages = rating_messages(
            template,
            response="plain",
            item=item.text,
            completion=completion_text(item.text, tone=0, key=[item.id]),
            timing="post",
            system=None,
        )
        samples.append(Sample(id=item.id, input=chat(messages)))
    return Task(dataset=MemoryDataset(samples), solver=generate(), scorer=trivial())


def cpu(task: Task, folder: Path, epochs: int, measured: int) -> Run:
    """CPU seconds and bytes of log for each measurement of one run."""
    shutil.rmtree(folder, ignore_errors=True)
    before = time.process_time()
    [log] = inspect_ai.eval(
        task,
        model="sim/faithful",
        epochs=epochs,
        log_dir=str(folder),
        log_realtime=False,
        log_model_api=False,
        score_display=False,
        display="none",
        max_connections=100,
    )
    spent = time.process_time() - before
    assert log.status == "success", log.error
    size = sum(file.stat().st_size for file in folder.glob("*.eval"))
    return spent / measured, size / measured


def main() -> None:
    """Run all cases in turn, several rounds, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measurements", type=int, default=600, help="per case and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only-block", type=int, help="one block size alone: time and memory")
    arguments = parser.parse_args()
    items = 200
    repeats = max(1, arguments.measurements // items)
    measured = items * repeats
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "logs"
        completions = made_once(Path(name) / "completions", items)

        def ours(block: int) -> Run:
            options = {
                "block": block,
                "per_origin": items // 5,
                "completions": completions,
            }
            task = rating_task("anchored_precise_1_5", options, task="benchmark")
            times = repeats * (8 if block > 1 and not arguments.only_block else 1)
            return cpu(task, folder, times, items * times)

        if arguments.only_block:
            spent, size = ours(arguments.only_block)
            size *= measured
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{measured} measurements at block {arguments.only_block}: "
                f"{1e3 * spent:.2f} ms each, peak {peak:.0f} MB, log {size / 1e6:.1f} MB"
            )
            return
        cases = {"plain Inspect": lambda: cpu(plain_task(items), folder, repeats, measured)}
        cases |= {f"penchant, block {block}": (lambda b=block: ours(b)) for block in BLOCKS}
        report(cases, measured, arguments.rounds)


def made_once(folder: Path, items: int) -> str:
    """A log of completions, so that making them is in no case."""
    task = completion_task({"per_origin": items // 5, "block": 25}, task="completions")
    [log] = inspect_ai.eval(task, model="sim/faithful", log_dir=str(folder), display="none")
    return str(log.location)


def report(cases: dict[str, Callable[[], Run]], measured: int, rounds: int) -> None:
    """Time every case once a round, after a warm-up of each."""
    times: dict[str, list[float]] = {name: [] for name in cases}
    sizes = {}
    for number in range(rounds + 1):
        for name, case in cases.items():
            spent, sizes[name] = case()
            if number:
                times[name].append(spent)
    base = statistics.median(times["plain Inspect"])
    print(f"{measured} measurements a case, median of {rounds} rounds, CPU time")
    print(f"{'case':<22}{'ms each':>9}{'÷ plain':>9}{'plain ÷':>9}{'log B':>8}")
    for name, spent in times.items():
        median = statistics.median(spent)
        print(
            f"{name:<22}{1e3 * median:>9.2f}{median / base:>9.3f}"
            f"{base / median:>9.1f}{sizes[name]:>8.0f}"
        )


if __name__ == "__main__":
    main()
