"""What judges found in the texts, what was done beside what was stated, and what was left out."""

from collections.abc import Sequence

import polars as pl

from harness.analysis.cells import Cell
from harness.analysis.judgements import (
    Agreement,
    JudgedKind,
    agreements,
    dropped_items,
    judged_kinds,
)
from harness.records.judge_check_file import CheckedJudge
from harness.report.parts.table import Column, Section, Table
from harness.report.sections.outcomes import NAMES
from harness.stats.choices.deeds import EXECUTED, has_deeds, parting

__all__ = ["judgement_section"]


def judgement_section(
    judgements: pl.DataFrame, chosen: Sequence[Cell], *, checks: Sequence[CheckedJudge] = ()
) -> Section | None:
    """The section, None where nothing was judged and nothing done after a choice."""
    tables = []
    deeds = [cell for cell in chosen if has_deeds(cell.frame)]
    if deeds:
        tables.append(_deed_table(deeds))
    kinds = judged_kinds(judgements, checks=checks)
    if kinds:
        tables.append(_kind_table(kinds))
    pairs = agreements(judgements)
    if pairs:
        tables.append(_agreement_table(pairs))
    dropped = dropped_items(judgements)
    if dropped.height:
        tables.append(_dropped_table(dropped))
    if not tables:
        return None
    return Section(title="Judgements", anchor="judgements", tables=tuple(tables))


def _deed_table(cells: Sequence[Cell]) -> Table:
    rows = []
    for cell in cells:
        share, counts = parting(cell.frame)
        by = ", ".join(cell.frame["executed_by"].drop_nulls().unique().sort())
        rows.append(cell.row | {"parted": share, "by": by} | counts)
    return Table(
        name="stated_and_done",
        title="What was stated and what was done",
        columns=(
            *NAMES,
            Column("by", "judged by"),
            Column("parted", "did the other item", "share"),
            *(Column(name, name, "count") for name in EXECUTED),
        ),
        rows=rows,
        caption="Of replies that state one item and do one, the share that do the one not stated, "
        "with a Wilson 95 % interval by pair; then how many replies did which item. Choices "
        "elsewhere are those stated.",
    )


def _kind_table(kinds: Sequence[JudgedKind]) -> Table:
    rows = [
        {
            "kind": one.kind,
            "judge": one.judge,
            "identity": one.identity[:8],
            "texts": one.texts,
            "failed": one.failed,
            "yes": one.yes,
            "corrected": one.corrected,
            "mean": one.mean,
            "kappa": one.kappa,
            "classes": ", ".join(f"{name} {count}" for name, count in one.classes.items()),
        }
        for one in kinds
    ]
    return Table(
        name="judgements",
        title="What judges say of the texts",
        columns=(
            Column("kind", "judgement"),
            Column("judge", "judge"),
            Column("identity", "identity"),
            Column("texts", "texts", "count"),
            Column("failed", "failed", "count"),
            Column("yes", "yes", "share"),
            Column("corrected", "corrected for its errors", "share"),
            Column("mean", "mean"),
            Column("kappa", "κ with the rule"),
            Column("classes", "classes"),
        ),
        rows=rows,
        caption="Each text once, of all logs read. Corrected: Rogan and Gladen's estimate from how "
        "the judge did on texts with known verdicts (--judge-check), with the errors of both in "
        "its interval (by likelihood; above 95 % where a judge that never errs on the others calls "
        "fewer than five texts yes). Failed verdicts count for nothing.",
    )


def _agreement_table(pairs: Sequence[Agreement]) -> Table:
    return Table(
        name="judge_agreement",
        title="Agreement of judges",
        columns=(
            Column("kind", "judgement"),
            Column("first", "judge"),
            Column("second", "and"),
            Column("texts", "texts", "count"),
            Column("same", "same verdict", "share"),
            Column("kappa", "κ"),
        ),
        rows=[
            {name: getattr(one, name) for name in ("kind", "first", "second", "texts", "same",
                                                   "kappa")}
            for one in pairs
        ],
        caption="Over the texts that both have judged, each once. Cohen's κ with its asymptotic "
        "95 % interval.",
        first=20,
    )  # fmt: skip


def _dropped_table(dropped: pl.DataFrame) -> Table:
    return Table(
        name="dropped",
        title="Left out: completions that refer to their system prompt",
        columns=(
            Column("item", "item"),
            Column("judge", "judged by"),
            Column("texts", "completions", "count"),
            Column("logs", "logs", "count"),
        ),
        rows=dropped.to_dicts(),
        caption=f"{dropped['item'].n_unique()} items were not measured where this was so.",
        first=20,
    )
