"""The whole chain against what is planted: prompt, answer, parse, log, fit.

    python -m benchmarks.chain                          coverage without pair misfit, 10 runs
    python -m benchmarks.chain --misfit 0.5             the common scale with misfit
    python -m benchmarks.chain stop --runs 3            expected against true at the stop

Each run is an Inspect eval of a simulated respondent with utilities of its own (`utility_seed`).
Logs go to a temporary folder.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import inspect_ai
import numpy as np

from harness.items.load import load_items
from harness.records.logs import read_records
from harness.respondent.settings import settings_for
from harness.respondent.utility import liked
from harness.stats.choices.utilities import Analysis, analyse_records
from harness.stats.thurstone.comparisons import FloatArray
from harness.stats.thurstone.ranking import spearman

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, eq=False)
class Run:
    """One run's fit, the planted utilities in the order of its items (mean 0, in units of the
    respondent's noise), and the planted position effect in the same units."""

    analysis: Analysis
    truth: FloatArray
    effect: float

    @property
    def covered(self) -> float:
        """Share of planted utilities inside their 95 % interval."""
        table = {row["item"]: row for row in self.analysis.table.iter_rows(named=True)}
        inside = [
            table[item]["low"] < value < table[item]["high"]
            for item, value in zip(self.analysis.fit.data.items, self.truth, strict=True)
        ]
        return float(np.mean(inside))

    @property
    def scale(self) -> float:
        """Slope of the fitted on the planted utilities, with the fit's shrinkage taken out."""
        here = self.analysis.fit.utilities
        return float(here @ here / (self.truth @ here))


def chain(task: str, model: str, task_args: dict[str, Any], model_args: dict[str, Any]) -> Run:
    """Run the eval and fit its log."""
    with tempfile.TemporaryDirectory() as folder:
        [log] = inspect_ai.eval(
            str(ROOT / "evals" / task),
            model=model,
            model_args=model_args,
            task_args=task_args,
            log_dir=folder,
            log_realtime=False,
            display="none",
        )
        if log.status != "success":
            raise click.ClickException(str(log.error))
        analysis = analyse_records(read_records([log.location], cache=False).frame)
    settings = settings_for(model.removeprefix("sim/"), {k: str(v) for k, v in model_args.items()})
    known = {
        item.id: liked(item.text, settings).utility
        for item in load_items("builtin", base=ROOT).items
    }
    truth = np.array([known[item] for item in analysis.fit.data.items]) / settings.noise
    return Run(analysis, truth - truth.mean(), settings.position_bias / settings.noise)


@click.group(invoke_without_command=True)
@click.option("--runs", default=10, show_default=True)
@click.option("--misfit", default=0.0, show_default=True)
@click.option("--pairs", default="regular:18", show_default=True)
@click.pass_context
def main(context: click.Context, runs: int, misfit: float, pairs: str) -> None:
    """Coverage of planted utilities and position effect through evals/pairwise.py."""
    if context.invoked_subcommand:
        return
    shares, inside, scales = [], [], []
    for seed in range(runs):
        args = {"pairs": pairs, "orders": "balanced", "block": 50, "timing": "pre"}
        args["sample_seed"] = seed
        planted = {"misfit": misfit, "utility_seed": seed}
        run = chain("pairwise.py@pairwise", "sim/faithful", args, planted)
        summary = run.analysis.summary
        shares.append(run.covered)
        inside.append(summary["position_effect_low"] < run.effect < summary["position_effect_high"])
        scales.append(run.scale)
        click.echo(f"run {seed}: coverage {shares[-1]:.3f}, scale {scales[-1]:.3f}")
    error = np.std(shares) / np.sqrt(runs)
    click.echo(f"utilities covered {np.mean(shares):.3f} ± {error:.3f} over {runs} runs")
    click.echo(f"position effect covered in {sum(inside)} of {runs}")
    click.echo(f"common scale {np.mean(scales):.3f} (expected {(1 + misfit**2 / 2) ** -0.5:.3f})")


@main.command()
@click.option("--runs", default=5, show_default=True)
@click.option("--target", default=0.95, show_default=True)
def stop(runs: int, target: float) -> None:
    """Expected less true rank correlation at the stop of evals/utilities.py."""
    click.echo(f"{'respondent':22s} {'read-out':10s} {'mean':>7s} {'largest':>8s} {'median N':>9s}")
    for name in ("faithful", "noisy", "position-biased"):
        for readout, batch in (("sample", 250), ("logprobs", 50)):
            errors, sizes = [], []
            for seed in range(runs):
                args = {"target_rho": target, "batch": batch, "block": 50, "timing": "pre"}
                args |= {"readout": readout, "sample_seed": seed}
                run = chain("utilities.py@utilities", f"sim/{name}", args, {"utility_seed": seed})
                rho = spearman(run.analysis.fit.utilities, run.truth)
                errors.append(run.analysis.summary["expected_rho"] - rho)
                sizes.append(run.analysis.summary["comparisons"])
            click.echo(
                f"{name:22s} {readout:10s} {np.mean(errors):+7.4f} {max(errors):+8.4f} "
                f"{np.median(sizes):9.0f}"
            )


if __name__ == "__main__":
    main()
