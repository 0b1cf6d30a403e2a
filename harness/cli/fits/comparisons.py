"""The comparisons that `penchant utilities` is given: logs, record tables, or one plain file."""

from pathlib import Path

import polars as pl

from harness.errors import UsageError
from harness.records.logs import read_records
from harness.records.pooling import require_one
from harness.records.sheet import TABLE_SUFFIXES, sheet_columns
from harness.screen import echo
from harness.stats.choices.deeds import by_deed
from harness.stats.choices.questions import PositionBy, questions_from_records, read_questions

__all__ = ["choices_of", "questions_of"]


def questions_of(
    inputs: tuple[Path, ...],
    position_by: PositionBy,
    *,
    judge: str,
    rules_only: bool,
    choice: str,
) -> pl.DataFrame:
    """The questions of INPUTS: one file of comparisons, or logs and record tables."""
    plain = [path for path in inputs if path.is_file() and _is_comparisons(path)]
    if plain and len(inputs) > 1:
        raise UsageError(f"{str(plain[0])!r} is a file of comparisons; expected it alone")
    if plain:
        if choice == "executed":
            raise UsageError(
                f"--choice executed and {str(plain[0])!r}, a file of comparisons; expected logs"
            )
        return read_questions(plain[0])
    choices, where = choices_of(inputs, judge=judge, rules_only=rules_only, choice=choice)
    factors = ("template", "template_hash") if position_by == "template" else ()
    require_one(choices, factors=factors, where=where)
    one = choices.select("rater", "template", "timing").row(0)
    echo("{}: {}, {}-task".format(*one), err=True)
    return questions_from_records(choices)


def choices_of(
    inputs: tuple[Path, ...], *, judge: str, rules_only: bool, choice: str
) -> tuple[pl.DataFrame, str]:
    """The choice records of logs and record tables, and how to name where they came from."""
    read = read_records(inputs, progress=True, judge=judge, rules_only=rules_only)
    for note in read.notes():
        echo(note, err=True)
    choices = read.frame.filter(pl.col("kind") == "choice")
    where = ", ".join(map(str, inputs))
    if not len(choices):
        raise UsageError(f"no choice records in {where}")
    return (by_deed(choices, where=where) if choice == "executed" else choices), where


def _is_comparisons(path: Path) -> bool:
    """A table that is not one of records: what is missing of its columns is said on reading."""
    if path.suffix.lower() not in TABLE_SUFFIXES:
        return False
    return not {"item_first", "kind"} & set(sheet_columns(path))
