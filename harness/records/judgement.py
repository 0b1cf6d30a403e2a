"""Verdicts on texts: a table of its own, one row a judgement, joined to the records on reading.

A judgement is about a text, whoever asked for it and whenever: `subject` is the text's hash, which
records carry as `completion_hash` (two joined by `+` where a choice showed two completions). So a
judgement that comes later, in another log, reaches every record that used the text.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import polars as pl

from harness.errors import UsageError
from harness.text.answer import Outcome

__all__ = [
    "JUDGEMENT_SCHEMA",
    "RULE",
    "Judgement",
    "joined",
    "judgement_frame",
]

RULE = "rule"
"""The judge that needs no model."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one judge says of one text, once.

    `judge` is `rule` or a model; `judge_identity` and `wording_hash` say in full who was asked
    what. `kind` names what is judged (`refusal`, `sysprompt_reference`, …), `value` is the verdict
    as a number (1 for yes), `label` its class where the kind has classes. Only `answered` has
    either; `reason` says how it came about.
    """

    judge: str
    kind: str
    subject: str
    judge_identity: str | None = None
    wording_hash: str | None = None
    repeat: int = 0
    value: float | None = None
    label: str | None = msgspec.field(default=None, name="class")
    outcome: Outcome = "answered"
    reason: str = ""
    log: str | None = None
    sample_id: str | None = None
    version: int = 1


_NAMES = {field.name: field.encode_name for field in msgspec.structs.fields(Judgement)}

JUDGEMENT_SCHEMA: dict[str, Any] = {
    **dict.fromkeys(_NAMES.values(), pl.String),
    "value": pl.Float64,
    "repeat": pl.Int64,
    "version": pl.Int64,
}
"""Column types of the table of judgements."""

_COLUMNS = {"refusal": "completion_refused", "sysprompt_reference": "sysprompt_referenced"}
"""Columns of the record table that say what a kind of judgement found, yes or no."""


def judgement_frame(judgements: Sequence[Judgement]) -> pl.DataFrame:
    """Judgements as their table, one row each, columns as in `JUDGEMENT_SCHEMA`, as given."""
    rows = [{shown: getattr(one, name) for name, shown in _NAMES.items()} for one in judgements]
    return pl.DataFrame(rows, schema=JUDGEMENT_SCHEMA, orient="row")


def joined(records: pl.DataFrame, judgements: pl.DataFrame, *, judge: str = RULE) -> pl.DataFrame:
    """The records with what one named judge found of their completions.

    Fills `completion_refused` (for choices `…_first` and `…_second`) and `sysprompt_referenced`
    (of a choice: of either completion). Logs made before judgements were kept say in the records
    themselves what the rule found, so where the rule has no verdict they stay as they are; any
    other judge stands alone. Of several verdicts of that judge on a text (repeats) the majority
    counts, a tie as yes: what may be a refusal is not taken for an answer. UsageError where two
    judges go by that name (another identity or wording): no analysis mixes them.
    """
    verdicts = judgements.filter(
        (pl.col("judge") == judge)
        & (pl.col("outcome") == "answered")
        & pl.col("value").is_not_null()
    )
    if not verdicts.height:
        return records
    for kind, column in _COLUMNS.items():
        of_kind = verdicts.filter(pl.col("kind") == kind)
        if of_kind.height:
            _require_one_judge(of_kind, judge, kind)
            records = _with(records, dict(_majority(of_kind).iter_rows()), column, judge=judge)
    return records


def _require_one_judge(verdicts: pl.DataFrame, judge: str, kind: str) -> None:
    for name in ("judge_identity", "wording_hash"):
        found = sorted(str(value) for value in verdicts[name].unique())
        if len(found) > 1:
            raise UsageError(
                f"judge {judge!r} of {kind} stands for several ({name}: {', '.join(found)}); "
                "expected one: read the logs of one judge"
            )


def _majority(verdicts: pl.DataFrame) -> pl.DataFrame:
    return verdicts.group_by("subject").agg(pl.col("value").mean() >= 0.5)


def _with(
    records: pl.DataFrame, verdict: dict[str, bool], column: str, *, judge: str
) -> pl.DataFrame:
    subjects = pl.col("completion_hash").str.split("+")
    parts = records.select(
        first=subjects.list.get(0, null_on_oob=True).replace_strict(
            verdict, default=None, return_dtype=pl.Boolean
        ),
        second=subjects.list.get(1, null_on_oob=True).replace_strict(
            verdict, default=None, return_dtype=pl.Boolean
        ),
    )
    choice = pl.col("kind") == "choice"
    told: dict[str, pl.Expr] = {column: pl.when(~choice).then(parts["first"])}
    if f"{column}_first" in records.columns:
        told |= {
            f"{column}_{place}": pl.when(choice).then(parts[place]) for place in ("first", "second")
        }
    else:
        told[column] = (
            pl.when(choice).then(parts["first"] | parts["second"]).otherwise(parts["first"])
        )
    return records.with_columns(
        (pl.coalesce(value, pl.col(name)) if judge == RULE else value).alias(name)
        for name, value in told.items()
    )
