"""Answers to open questions with what a judge said of them, from logs of evals/open_ended.py."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from harness.errors import UsageError
from harness.records.judgement import RULE
from harness.records.kept import Completion
from harness.records.log_file import NotALog, read_log
from harness.records.log_runs import LogInfo
from harness.studies.steered.levels import levels_by_log

__all__ = ["answers", "verdicts_by_text"]

_KINDS = ("attitude", "coherence")


def answers(
    logs: Sequence[LogInfo], judgements: pl.DataFrame, levels: Sequence[str], *, study: str
) -> pl.DataFrame:
    """One row an answer: `item` (the question), `seed`, `failed`, the cell's `levels`, and the
    judge's `attitude` and `coherence`, null where it said nothing.

    A verdict is on a text: cells that gave the same text share it. Several verdicts of one judge
    are averaged. UsageError where no judge, or more than one, has judged these answers.
    """
    known = levels_by_log(logs, levels, study=study)
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for log in sorted(logs, key=lambda one: (one.created, one.path)):
        if log.path not in known:
            continue
        own = {name: known[log.path][name] for name in levels}
        for made in _completions(Path(log.path)):
            key = (*own.values(), made.item, str(made.seed))
            rows[key] = own | {
                "item": made.item,
                "seed": made.seed,
                "subject": made.hash,
                "failed": made.error is not None,
            }
    if not rows:
        raise UsageError(f"{study}: no answers in these logs")
    table = pl.DataFrame(list(rows.values()), infer_schema_length=None)
    for kind in _KINDS:
        table = table.join(verdicts_by_text(judgements, kind, study), on="subject", how="left")
    return table


def _completions(path: Path) -> list[Completion]:
    """The answers that a log kept, each once."""
    try:
        opened = read_log(path.read_bytes())
        found = []
        for sample in opened.samples():
            for score in (sample.scores or {}).values():
                kept = (score.metadata or {}).get("completions")
                if kept is not None:
                    found += msgspec.json.decode(kept, type=list[Completion])
    except (OSError, NotALog, msgspec.DecodeError) as error:
        raise UsageError(f"{path}: {' '.join(str(error).split())[:160]}") from None
    return found


def verdicts_by_text(judgements: pl.DataFrame, kind: str, study: str) -> pl.DataFrame:
    """The mean verdict of one kind on each `subject`, in a column of that name.

    UsageError where no judge has judged anything, or several have judged this.
    """
    judged = judgements.filter(pl.col("kind").is_in(_KINDS) & (pl.col("judge") != RULE))
    own = judged.filter(pl.col("kind") == kind)
    judges = own.select("judge", "judge_identity", "wording_hash").unique()
    # Where no answer is language, a judge of the one kind is never asked about the other.
    if judges.height > 1 or not judged.height:
        names = ", ".join(sorted(own["judge"].unique().to_list())) or "none"
        raise UsageError(
            f"{study} needs one judge of {kind} (--judge PROVIDER/MODEL); these logs have {names}"
        )
    return (
        own.filter((pl.col("outcome") == "answered") & pl.col("value").is_not_null())
        .group_by("subject")
        .agg(pl.col("value").mean().alias(kind))
    )
