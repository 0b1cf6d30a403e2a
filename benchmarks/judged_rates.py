"""Planted error rates of a judge and the rates corrected for them, over a grid of both errors.

    python -m benchmarks.judged_rates                   1 000 runs a cell at the level of records
    python -m benchmarks.judged_rates chain             10 runs a pair of errors through everything

False positives and negatives are 0, .1, .2, .3 each, seeds 0 … R−1. Of records: the share of runs
whose 95 % interval of the corrected rate holds the planted one; `*` marks a cell outside .93 to .97
by more than two standard errors, with the mean number of texts that the judge calls yes. Through
the chain (completions by `sim/faithful` that refuse in the planted share, a judge asked within the
run, the log, `judge-check`, the report's table): both error rates as found in all runs together,
and in how many runs the corrected rate holds the planted one.
"""

import itertools
import json
import math
import tempfile
from pathlib import Path

import click
import inspect_ai
import numpy as np
import polars as pl
from click.testing import CliRunner
from inspect_ai.model import get_model

from harness.analysis.judgements import judged_kinds
from harness.cli.main import cli
from harness.records.judge_check_file import read_check
from harness.records.logs import read_records
from harness.stats.judges.corrected import ErrorRates, likelihood_ratio
from harness.where import SHELL_DIRECTORY

ERRORS = tuple(itertools.product((0.0, 0.1, 0.2, 0.3), repeat=2))
RATES = (0.02, 0.1, 0.3, 0.6)
SIZES = ((100, 60), (200, 60), (400, 200))
"""Texts of a run, and of each kind with known verdicts."""
_MOST = 3.8415
"""The .95 quantile of χ² with one degree of freedom."""


def covered(
    rate: float, errors: tuple[float, float], sizes: tuple[int, int], runs: int
) -> tuple[float, float]:
    """Share of runs whose interval holds `rate`, and the mean number of texts called yes."""
    (positive, negative), (texts, checked) = errors, sizes
    held, called = 0, 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        true = rng.binomial(texts, rate)
        said = rng.binomial(true, 1 - negative) + rng.binomial(texts - true, positive)
        known = ErrorRates(
            found=int(rng.binomial(checked, 1 - negative)), positives=checked,
            passed=int(rng.binomial(checked, 1 - positive)), negatives=checked,
        )  # fmt: skip
        held += likelihood_ratio(rate, float(said), float(texts), known) <= _MOST
        called += int(said)
    return held / runs, called / runs


def once(folder: Path, seed: int, planted: float, errors: tuple[float, float]) -> tuple[int, ...]:
    """One run of everything: wrong and all of the texts that refuse not, wrong and all of those
    that do, and whether the corrected rate holds the planted one."""
    given = {"utility_seed": seed, "false_positive": errors[0], "false_negative": errors[1]}
    [log] = inspect_ai.eval(
        str(SHELL_DIRECTORY / "evals" / "completions.py@completions"), model="sim/faithful",
        model_args={"refusal": planted, "utility_seed": seed},
        task_args={"block": 55, "judges": "refusal", "completion_seed": seed},
        model_roles={"judge": get_model("sim/judge", memoize=False, **given)},
        log_dir=str(folder / f"run{seed}"), display="none", log_realtime=False,
    )  # fmt: skip
    assert log.status == "success", log.error
    table = read_records([folder / f"run{seed}"], cache=False).judgements
    check = folder / f"check{seed}.json"
    arguments = [f"{name}={json.dumps(value)}" for name, value in given.items()]
    done = CliRunner().invoke(
        cli,
        ["judge-check", "--judge", "sim/judge", "--kind", "refusal", "--no-effects", "--repeats",
         "1", "--folder", str(folder / "kept"), "-o", str(check),
         *itertools.chain(*(("-M", one) for one in arguments))],
        catch_exceptions=False,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    kinds = judged_kinds(table, checks=[read_check(check)])
    [model] = [one for one in kinds if one.judge == "sim/judge" and one.kind == "refusal"]
    low, high = model.corrected.low, model.corrected.high
    # What the simulated judge holds for true is what the rule says.
    both = table.filter(pl.col("kind") == "refusal").pivot("judge", index="subject", values="value")
    truth, said = both["rule"].to_numpy() > 0.5, both["sim/judge"].to_numpy() > 0.5
    return (
        int(said[~truth].sum()), int((~truth).sum()), int((~said[truth]).sum()), int(truth.sum()),
        int(low <= planted <= high),
    )  # fmt: skip


@click.group(invoke_without_command=True)
@click.option("--runs", default=1000, show_default=True)
@click.pass_context
def main(context: click.Context, runs: int) -> None:
    """At the level of records, or with `chain` through everything."""
    if context.invoked_subcommand is not None:
        return
    outside, cells = 0, 0
    error = 2 * math.sqrt(0.95 * 0.05 / runs)
    for rate, sizes in itertools.product(RATES, SIZES):
        shown = []
        for errors in ERRORS:
            share, called = covered(rate, errors, sizes, runs)
            out = not 0.93 - error <= share <= 0.97 + error
            outside, cells = outside + out, cells + 1
            shown.append(f"{share:.3f}" + (f"*({called:.1f})" if out else ""))
        click.echo(f"rate {rate:.2f}, {sizes[0]} texts, {sizes[1]} checked: {' '.join(shown)}")
    click.echo(f"{runs} runs a cell: {cells - outside} of {cells} in .93 to .97 ± 2 SE")


@main.command()
@click.option("--runs", default=10, show_default=True)
@click.option("--rate", default=0.35, show_default=True)
@click.option("--pairs", default=len(ERRORS), show_default=True, help="How many pairs of errors.")
def chain(runs: int, rate: float, pairs: int) -> None:
    """Through Inspect, the log, `judge-check` and the report's analysis."""
    for errors in ERRORS[-pairs:]:
        with tempfile.TemporaryDirectory() as name:
            found = np.array([once(Path(name), seed, rate, errors) for seed in range(runs)])
        wrong_no, no, wrong_yes, yes, held = found.sum(axis=0)
        click.echo(
            f"planted FP {errors[0]:.1f} FN {errors[1]:.1f}: found FP {_share(wrong_no, no)}, "
            f"FN {_share(wrong_yes, yes)}; corrected rate covers {rate:g} in {held} of {runs}"
        )


def _share(wrong: int, of: int) -> str:
    share = wrong / of
    return f"{share:.3f} (SE {math.sqrt(share * (1 - share) / of):.3f}, n {of})"


if __name__ == "__main__":
    main()
