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
    "DROPPED",
    "JUDGEMENT_SCHEMA",
    "RULE",
    "Judgement",
    "joined",
    "judgement_frame",
]

RULE = "rule"
"""The judge that needs no model."""

DROPPED = "dropped"
"""Kind of the judgement that kept a completion, named by its item, out of measurement."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one judge says of one text, once.

    `judge` is `rule` or a model; `judge_identity` and `wording_hash` say in full who was asked
    what. `kind` names what is judged (`refusal`, `sysprompt_reference`, …), `value` is the verdict
    as a number (1 for yes), `label` its class where the kind has classes, `details` what else was
    said (a refusal's `partial`). Only `answered` has any of them; `reason` says how it came about.
    `item` is the item whose completion the text was, where one was known.
    """

    judge: str
    kind: str
    subject: str
    judge_identity: str | None = None
    wording_hash: str | None = None
    repeat: int = 0
    value: float | None = None
    label: str | None = msgspec.field(default=None, name="class")
    details: dict[str, str | float | bool] | None = None
    item: str | None = None
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
"""Column types of the table of judgements; `details` is JSON text."""

_COLUMNS = {"refusal": "completion_refused", "sysprompt_reference": "sysprompt_referenced"}
"""Columns of the record table that say what a kind of judgement found, yes or no."""


def judgement_frame(judgements: Sequence[Judgement]) -> pl.DataFrame:
    """Judgements as their table, one row each, columns as in `JUDGEMENT_SCHEMA`, as given."""
    rows = [{shown: getattr(one, name) for name, shown in _NAMES.items()} for one in judgements]
    for row in rows:
        if row["details"] is not None:
            row["details"] = msgspec.json.encode(row["details"]).decode()
    return pl.DataFrame(rows, schema=JUDGEMENT_SCHEMA, orient="row")


def joined(records: pl.DataFrame, judgements: pl.DataFrame, *, judge: str = RULE) -> pl.DataFrame:
    """The records with what one named judge found of their texts.

    Fills `completion_refused` (for choices `…_first` and `…_second`), `sysprompt_referenced` (of a
    choice: of either completion) and `executed`, and beside each, as `…_by`, who says so. Logs made
    before judgements were kept say in the records themselves what the rule found, so where the
    rule has no verdict they stay as they are; any other judge stands alone. `judge` is a judge's
    name, or `NAME@IDENTITY` (its first digits) where several go by one name. Of several verdicts
    of that judge on a text (repeats) the majority counts, a tie as yes: what may be a refusal is
    not taken for an answer. UsageError where two judges go by that name (another identity or
    wording), or where none does: no analysis mixes them.
    """
    own = _of_judge(judgements, judge)
    if judge != RULE and not own.height:
        names = ", ".join(sorted(map(repr, judgements["judge"].unique()))) or "none"
        raise UsageError(f"no judgements by {judge!r} in these logs; found {names}")
    verdicts = own.filter(pl.col("outcome") == "answered").unique(
        ["kind", "subject", "repeat", "judge_identity", "wording_hash"],
        keep="first",
        maintain_order=True,
    )
    for kind, column in _COLUMNS.items():
        of_kind = verdicts.filter((pl.col("kind") == kind) & pl.col("value").is_not_null())
        if of_kind.height or judge != RULE:
            _require_one_judge(of_kind, judge, kind)
            records = _with(records, dict(_majority(of_kind).iter_rows()), column, judge=judge)
    records = _named_by_rule(records)
    executed = verdicts.filter((pl.col("kind") == "executed_task") & pl.col("class").is_not_null())
    if executed.height:
        _require_one_judge(executed, judge, "executed_task")
        records = _with_deed(records, executed, judge)
    return records


def _of_judge(judgements: pl.DataFrame, judge: str) -> pl.DataFrame:
    named = judgements.filter(pl.col("judge") == judge)
    name, at, identity = judge.rpartition("@")
    if named.height or not at or not identity:
        return named
    return judgements.filter(
        (pl.col("judge") == name) & pl.col("judge_identity").str.starts_with(identity)
    )


def _said_by(judge: str) -> str:
    return RULE if judge == RULE else f"judge {judge}"


def _named_by_rule(records: pl.DataFrame) -> pl.DataFrame:
    """What the records themselves have said all along was found by the rule."""
    refused = [name for name in _REFUSED if name in records.columns]
    told = pl.any_horizontal(pl.col(name).is_not_null() for name in refused)
    return records.with_columns(
        completion_refused_by=pl.coalesce(
            "completion_refused_by", pl.when(told).then(pl.lit(RULE))
        ),
        sysprompt_referenced_by=pl.coalesce(
            "sysprompt_referenced_by",
            pl.when(pl.col("sysprompt_referenced").is_not_null()).then(pl.lit(RULE)),
        ),
    )


def _with_deed(records: pl.DataFrame, executed: pl.DataFrame, judge: str) -> pl.DataFrame:
    """The commonest class a reply; of a tie the first in the alphabet, whatever the order read."""
    counted = (
        executed.group_by("subject", "class").len().sort("len", "class", descending=[True, False])
    )
    deed = dict(counted.unique("subject", keep="first", maintain_order=True)
                .select("subject", "class").iter_rows())  # fmt: skip
    found = pl.col("reply_hash").replace_strict(deed, default=None, return_dtype=pl.String)
    by = pl.when(found.is_not_null()).then(pl.lit(_said_by(judge)))
    return records.with_columns(executed=found, executed_by=by)


_REFUSED = ("completion_refused", "completion_refused_first", "completion_refused_second")


def _require_one_judge(verdicts: pl.DataFrame, judge: str, kind: str) -> None:
    for name in ("judge_identity", "wording_hash"):
        found = sorted(str(value) for value in verdicts[name].unique())
        if len(found) > 1:
            raise UsageError(
                f"judge {judge!r} of {kind} stands for several ({name}: {', '.join(found)}); "
                "expected one: name it as JUDGE@IDENTITY, or read the logs of one judge"
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
    said = pl.any_horizontal(value.is_not_null() for value in told.values())
    return records.with_columns(
        *(
            (pl.coalesce(value, pl.col(name)) if judge == RULE else value).alias(name)
            for name, value in told.items()
        ),
        pl.when(said).then(pl.lit(_said_by(judge))).alias(f"{column}_by"),
    )
