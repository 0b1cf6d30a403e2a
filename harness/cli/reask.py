"""`penchant reask`: ask again what failed."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.numbers import FiniteRange
from harness.errors import UsageError
from harness.records.scored import scored
from harness.screen import echo

if TYPE_CHECKING:
    from inspect_ai.log import EvalSample

__all__ = ["reask"]


@click.command()
@click.argument("log", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--max-calls", type=click.IntRange(min=1), help="Ask at most so many questions.")
@click.option("--budget-usd", type=FiniteRange(min=0), help="Spend at most so much.")
def reask(log: Path, max_calls: int | None, budget_usd: float | None) -> None:
    """Ask the questions of LOG that failed again; everything else is kept as it is.

    Writes a new log beside the old one under the same task id, so `penchant records` and
    `penchant report` take the new answers in the old ones' place. Questions that a limit kept
    from being asked count as failed; give a higher one here.

    \b
    penchant reask logs/2026-01-01T00-00-00_pairwise_x.eval
    penchant reask logs/2026-01-01T00-00-00_pairwise_x.eval --budget-usd 5
    """
    from inspect_ai import eval_retry
    from inspect_ai.log import ProvenanceData, invalidate_samples, read_eval_log

    from harness.measuring.session import Overrides, overriding

    found = read_eval_log(str(log))
    failed = {
        str(sample.uuid): count for sample in found.samples or [] if (count := _failed(sample))
    }
    if not failed and found.status == "success":
        echo(f"{log}: no question failed; nothing to ask")
        return
    echo(f"{log}: {sum(failed.values())} failed questions in {len(failed)} samples")
    if failed:
        found = invalidate_samples(
            found,
            list(failed),
            ProvenanceData(author="penchant reask", reason="questions failed"),
        )
    overrides = Overrides(reask_failed=True, max_calls=max_calls, budget_usd=budget_usd)
    with overriding(overrides):
        done = eval_retry(found, log_dir=str(log.parent))[0]
    left = sum(_failed(sample) for sample in done.samples or [])
    echo(f"{done.location}: {done.status}, {left} still failed")
    if done.status != "success":
        raise UsageError(f"the run ended with status {done.status}; see {done.location}")


def _failed(sample: "EvalSample") -> int:
    """How many of the sample's questions failed."""
    scores = {name: score.metadata for name, score in (sample.scores or {}).items()}
    return sum(record.outcome == "failed" for record in scored(scores).records)
