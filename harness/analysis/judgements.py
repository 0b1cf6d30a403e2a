"""What judges said of the texts: rates by judge and kind, corrected where a judge was checked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from harness.records.judge_check_file import CheckedJudge
from harness.records.judgement import DROPPED, RULE
from harness.stats.intervals import Estimate, FloatArray, clustered_rate, undefined
from harness.stats.judges.corrected import ErrorRates, corrected_rate
from harness.stats.judges.kappa import cohen_kappa

__all__ = ["Agreement", "JudgedKind", "agreements", "dropped_items", "judged_kinds"]

_KINDS = ("refusal", "sysprompt_reference", "coherence", "attitude", "executed_task", "answer")
_YES = ("refusal", "sysprompt_reference")
_RANGE = {"coherence": (0.0, 1.0), "attitude": (-1.0, 1.0)}


@dataclass(frozen=True)
class JudgedKind:
    """One judge's verdicts of one kind.

    `yes` is the share of texts that it calls so (refusals, references), `mean` the mean of its
    numbers (coherence, attitude); the other is undefined. `corrected` is what `yes` tells of the
    truth, given how the judge did when it was checked. `kappa` is agreement with the rule.
    """

    judge: str
    identity: str
    kind: str
    texts: int
    failed: int
    classes: dict[str, int]
    yes: Estimate
    mean: Estimate
    corrected: Estimate
    kappa: Estimate


def judged_kinds(
    judgements: pl.DataFrame, *, checks: Sequence[CheckedJudge] = ()
) -> list[JudgedKind]:
    """Every judge and kind, the rule first; a text counts once however often it was judged."""
    found = []
    known = judgements.filter(pl.col("kind").is_in(_KINDS))
    keys = known.select("kind", "judge", "judge_identity", "wording_hash").unique()
    rows = keys.sort("kind", pl.col("judge") != RULE, "judge", "judge_identity", "wording_hash")
    for kind, judge, identity, wording in rows.iter_rows():
        own = known.filter(
            (pl.col("kind") == kind)
            & (pl.col("judge") == judge)
            & pl.col("judge_identity").eq_missing(identity)
            & pl.col("wording_hash").eq_missing(wording)
        ).unique(["subject", "repeat"], keep="first", maintain_order=True)
        found.append(
            JudgedKind(
                judge=judge,
                identity=identity or "",
                kind=kind,
                texts=own["subject"].n_unique(),
                failed=own.filter(pl.col("outcome") == "failed").height,
                classes=dict(own["class"].drop_nulls().value_counts(sort=True).iter_rows()),
                yes=_yes(own) if kind in _YES else undefined("not a question of yes or no"),
                mean=_mean(own, kind) if kind in _RANGE else undefined("no number"),
                corrected=_corrected(own, checks) if kind in _YES else undefined("no rate"),
                kappa=_kappa(own, known, kind) if judge != RULE else undefined("the rule itself"),
            )
        )
    return found


@dataclass(frozen=True)
class Agreement:
    """Two judges on the texts that both have judged: the share of same classes, and κ."""

    kind: str
    first: str
    second: str
    texts: int
    same: Estimate
    kappa: Estimate


def agreements(judgements: pl.DataFrame) -> list[Agreement]:
    """Every two judges of a kind with classes, the rule among them."""
    kinds = (*_YES, "executed_task")
    known = judgements.filter(
        pl.col("kind").is_in(kinds)
        & (pl.col("outcome") == "answered")
        & (pl.col("class").is_not_null() | pl.col("value").is_not_null())
        & (pl.col("repeat") == 0)
    )
    found = []
    for (kind,), part in sorted(known.partition_by(["kind"], as_dict=True).items()):
        judges = sorted(part.partition_by(["judge", "judge_identity"], as_dict=True).items(),
                        key=lambda pair: (pair[0][0] != RULE, str(pair[0])))  # fmt: skip
        for index, (one, first) in enumerate(judges):
            for other, second in judges[index + 1 :]:
                found.append(_agreement(str(kind), (one, first), (other, second)))
    return [one for one in found if one.texts]


def _agreement(
    kind: str,
    one: tuple[tuple[object, ...], pl.DataFrame],
    other: tuple[tuple[object, ...], pl.DataFrame],
) -> Agreement:
    column = "value" if kind in _YES else "class"
    sides = [
        side.unique("subject", keep="first", maintain_order=True).select("subject", column)
        for _, side in (one, other)
    ]
    both = sides[0].join(sides[1], on="subject").drop_nulls()
    said = [[str(value) for value in both[name]] for name in (column, f"{column}_right")]
    same = np.array([a == b for a, b in zip(*said, strict=True)], dtype=float)
    return Agreement(
        kind=kind,
        first=_named(one[0]),
        second=_named(other[0]),
        texts=both.height,
        same=clustered_rate(same, np.ones(len(same))),
        kappa=cohen_kappa(said[0], said[1]),
    )


def _named(key: tuple[object, ...]) -> str:
    judge, identity = key
    return str(judge) if identity is None else f"{judge}@{str(identity)[:8]}"


def dropped_items(judgements: pl.DataFrame) -> pl.DataFrame:
    """Items whose completions were kept out of measurement: `item, judge, texts, logs`."""
    dropped = judgements.filter(pl.col("kind") == DROPPED)
    return (
        dropped.group_by("item", "judge")
        .agg(texts=pl.col("subject").n_unique(), logs=pl.col("log").n_unique())
        .sort("item", "judge")
    )


def _answered(own: pl.DataFrame) -> pl.DataFrame:
    return own.filter((pl.col("outcome") == "answered") & pl.col("value").is_not_null())


def _yes(own: pl.DataFrame) -> Estimate:
    said, asked = _counts(own)
    return clustered_rate(said, asked)


def _counts(own: pl.DataFrame) -> tuple[FloatArray, FloatArray]:
    texts = _answered(own).group_by("subject").agg(pl.col("value").sum(), n=pl.len())
    texts = texts.sort("subject")
    return texts["value"].to_numpy().astype(float), texts["n"].to_numpy().astype(float)


def _mean(own: pl.DataFrame, kind: str) -> Estimate:
    values = _answered(own).group_by("subject").agg(pl.col("value").mean())["value"].to_numpy()
    n = len(values)
    if not n:
        return undefined("no verdicts")
    error = float(values.std(ddof=1)) / n**0.5 if n > 1 else float("nan")
    mean = float(values.mean())
    low, high = _RANGE[kind]
    return Estimate(
        estimate=mean,
        low=max(low, mean - 1.96 * error),
        high=min(high, mean + 1.96 * error),
        n=n,
    )


def _corrected(own: pl.DataFrame, checks: Sequence[CheckedJudge]) -> Estimate:
    name, identity, kind, wording = own.select(
        "judge", "judge_identity", "kind", "wording_hash"
    ).row(0)
    for check in checks:
        if (check.judge, check.judge_identity) != (name, identity):
            continue
        for one in check.kinds:
            if (one.kind, one.wording_hash) == (kind, wording):
                said, asked = _counts(own)
                errors = ErrorRates(
                    found=one.found,
                    positives=one.positives,
                    passed=one.passed,
                    negatives=one.negatives,
                )
                texts = float(len(asked))
                return corrected_rate(float((said / asked).sum()), texts, errors)
    return undefined("this judge was not checked")


def _kappa(own: pl.DataFrame, known: pl.DataFrame, kind: str) -> Estimate:
    rule = known.filter((pl.col("kind") == kind) & (pl.col("judge") == RULE))
    both = _answered(own).join(_answered(rule), on=["subject"], suffix="_rule")
    both = both.unique(["subject", "repeat"], keep="first", maintain_order=True)
    if kind not in (*_YES, "executed_task") or not both.height:
        return undefined("no classes of both")
    column = "value" if kind in _YES else "class"
    return cohen_kappa(
        [str(value) for value in both[column]], [str(value) for value in both[f"{column}_rule"]]
    )
