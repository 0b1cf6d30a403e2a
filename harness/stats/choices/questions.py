"""From a record table or a comparisons file to the arrays of a fit.

Both become one table of questions first, with the columns of `QUESTION_SCHEMA`; only questions
whose outcome is `answered` reach a fit, all others are counted.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import polars as pl

from harness.errors import UsageError
from harness.records.pooling import items_only, require_one_text
from harness.records.sheet import ROW, Sheet, as_number, read_sheet, sheet_of
from harness.stats.choices.forms import COLUMNS, comparisons, is_nothing
from harness.stats.thurstone.comparisons import Comparisons, aggregate

__all__ = [
    "QUESTION_SCHEMA",
    "PositionBy",
    "as_half_wins",
    "build",
    "origins_of",
    "outcome_rates",
    "questions_from_records",
    "questions_from_table",
    "read_questions",
]

THIRD = ["neither", "indifferent"]
"""Answers beside the two items."""

PositionBy = Literal["none", "template", "origin-pair"]

QUESTION_SCHEMA: dict[str, Any] = {
    "first": pl.String,
    "second": pl.String,
    "origin_first": pl.String,
    "origin_second": pl.String,
    "template": pl.String,
    "outcome": pl.String,
    "p": pl.Float64,
    "count": pl.Float64,
    "soft": pl.Boolean,
    "random": pl.Boolean,
    "refused_first": pl.Boolean,
    "refused_second": pl.Boolean,
    "ordered": pl.Boolean,
}
"""One row a question: `p` is 1 or 0 for the item shown first or second being chosen, or the
probability read off the model (`soft`); null unless `outcome` is `answered`. `count` is how often.
`random`: the pair was drawn at random, not chosen by what earlier answers said. `refused_first`,
`refused_second`: whether the item's completion was a refusal; null where not known. `ordered`:
whether the first was shown first; where not known, `first` is the item that won or either."""


def questions_from_records(records: pl.DataFrame) -> pl.DataFrame:
    """Choice records (`harness.records.record.SCHEMA`) as questions; other kinds are left out.

    A third answer (`neither`, `indifferent`) is an outcome of its own here: no win and no half of
    one. Questions against the opt-out are about a zero (see `stats.zero`) and are left out.
    """
    choices = items_only(records.filter(pl.col("kind") == "choice"))
    require_one_text(choices)
    soft = pl.col("p_first").is_not_null()
    answered = pl.col("outcome") == "answered"
    third = answered & pl.col("choice").is_in(THIRD).fill_null(False)
    hard = pl.when(pl.col("choice") == "first").then(1.0).when(pl.col("choice") == "second").then(0)
    return choices.select(
        first="item_first",
        second="item_second",
        origin_first="origin_first",
        origin_second="origin_second",
        template="template",
        outcome=pl.when(third).then("choice").otherwise("outcome"),
        p=pl.when(answered & ~third).then(pl.coalesce("p_first", hard)),
        count=pl.lit(1.0),
        soft=soft & answered & ~third,
        random=pl.col("drawn").is_in(["initial", "reserve"]).fill_null(False),
        refused_first="completion_refused_first",
        refused_second="completion_refused_second",
        ordered=pl.lit(True),
    )


def read_questions(path: Path) -> pl.DataFrame:
    """A Parquet file, or a CSV in any dialect, of comparisons in any form of `forms`."""
    return _questions(read_sheet(path, COLUMNS))


def questions_from_table(table: pl.DataFrame, *, where: str) -> pl.DataFrame:
    """A table of comparisons in any form of `forms` as questions; `where` names it in errors.

    `choice` is `first` or `second`; anything else is an outcome of its own. A row with `p_first`
    counts as answered unless its `choice` names another outcome. A tie is half a win for each.
    """
    return _questions(sheet_of(table, COLUMNS, where=where))


def _questions(sheet: Sheet) -> pl.DataFrame:
    numbered = _numbers(comparisons(sheet), sheet.where)
    choice = pl.col("choice").fill_null("")
    has_p = pl.col("p_first").is_not_null()
    is_choice = choice.is_in(["first", "second"])
    answered = pl.col("tie") | is_choice | (has_p & choice.is_in(["", "answered"]))
    hard = pl.when("tie").then(0.5).when(choice == "first").then(1.0).otherwise(0.0)
    other = pl.when(choice.is_in(["", "answered"])).then(pl.lit("missing")).otherwise(choice)
    return numbered.select(
        "first",
        "second",
        "origin_first",
        "origin_second",
        "template",
        outcome=pl.when(answered).then(pl.lit("answered")).otherwise(other),
        p=pl.when(answered).then(pl.coalesce("p_first", hard)),
        count="count",
        soft=has_p & answered,
        random=pl.col("random").fill_null("").str.to_lowercase().is_in(["true", "1"]),
        refused_first=pl.lit(None, pl.Boolean),
        refused_second=pl.lit(None, pl.Boolean),
        ordered="ordered",
    )


def _numbers(table: pl.DataFrame, where: str) -> pl.DataFrame:
    """`count` and `p_first` as numbers, 1 and null where absent, each row in its range."""
    number = {name: as_number(table[name]) for name in ("count", "p_first")}
    given = {
        "count": pl.col("count").is_not_null(),
        "p_first": pl.col("p_first").is_not_null() & ~is_nothing(pl.col("p_first")),
    }
    count, p = number["count"], number["p_first"]
    rules = [
        ("count", ~(count.is_finite() & (count >= 0)), "expected a finite number, 0 or more"),
        ("p_first", ~p.is_between(0, 1), "expected a probability"),
    ]
    for name, wrong, expected in rules:
        rows = table.with_columns(parsed=number[name]).filter(
            given[name] & (number[name].is_null() | wrong)
        )
        if len(rows):
            text, value, row = rows.select(name, "parsed", ROW).row(0)
            raise UsageError(
                f"{name} {text!r} in {where}, row {row}; expected a number"
                if value is None
                else f"{name} {value!r} in {where}, row {row}; {expected}"
            )
    return table.with_columns(
        count=count.fill_null(1.0),
        p_first=pl.when(given["p_first"]).then(p),
    )


def as_half_wins(questions: pl.DataFrame, outcomes: Sequence[str] = ("refused",)) -> pl.DataFrame:
    """The sensitivity run: questions that ended in `outcomes` as half a win for each item."""
    as_half = pl.col("outcome").is_in(list(outcomes))
    return questions.with_columns(
        p=pl.when(as_half).then(0.5).otherwise(pl.col("p")),
        outcome=pl.when(as_half).then(pl.lit("answered")).otherwise(pl.col("outcome")),
    )


def outcome_rates(questions: pl.DataFrame) -> pl.DataFrame:
    """Per item: `item, asked` and one column an outcome with its share of the questions asked."""
    both = pl.concat(
        [
            questions.select(item="first", outcome="outcome", count="count"),
            questions.select(item="second", outcome="outcome", count="count"),
        ]
    )
    asked = both.group_by("item").agg(asked=pl.col("count").sum())
    rates = (
        both.group_by("item", "outcome")
        .agg(pl.col("count").sum())
        .join(asked, on="item")
        .with_columns(share=pl.col("count") / pl.col("asked"))
        .pivot("outcome", index="item", values="share", sort_columns=True)
        .fill_null(0.0)
    )
    return asked.join(rates, on="item").sort("item")


def build(
    questions: pl.DataFrame,
    *,
    items: Sequence[str] | None = None,
    position_by: PositionBy = "none",
) -> Comparisons:
    """Comparisons for a fit; the items are those in an answered question unless given.

    `position_by` gives each template, or each unordered pair of origins, a position effect of its
    own (an ordered pair of origins would be confounded with the origins' means). The items' origins
    are the `parts` of the comparisons.
    """
    outcomes = dict(
        questions.group_by("outcome").agg(pl.col("count").sum()).sort("outcome").iter_rows()
    )
    answered = questions.filter((pl.col("outcome") == "answered") & (pl.col("count") > 0))
    if items is None:
        items = pl.concat([answered["first"], answered["second"]]).unique().sort().to_list()
    index = pl.Enum(items)
    group = _groups(answered, position_by)
    names = group.unique().sort().to_list() or ["all"]
    p, count = answered["p"].to_numpy(), answered["count"].to_numpy()
    data = aggregate(
        items,
        answered["first"].cast(index).to_physical().to_numpy(),
        answered["second"].cast(index).to_physical().to_numpy(),
        p * count,
        (1 - p) * count,
        group=group.cast(pl.Enum(names)).to_physical().to_numpy(),
        groups=names,
        soft=bool((answered["soft"] & (answered["p"] > 0) & (answered["p"] < 1)).any()),
        outcomes={str(k): float(v) for k, v in outcomes.items()},
    )
    origins = origins_of(questions, items)
    if not any(origins):
        return data
    return replace(data, parts=tuple(origin or "" for origin in origins))


def origins_of(questions: pl.DataFrame, items: Sequence[str]) -> tuple[str | None, ...]:
    """Each item's origin as the questions give it, None where they do not."""
    known = pl.concat(
        [
            questions.select(item="first", origin="origin_first"),
            questions.select(item="second", origin="origin_second"),
        ]
    ).drop_nulls()
    origin = dict(known.unique("item", keep="first", maintain_order=True).iter_rows())
    return tuple(origin.get(item) for item in items)


def _groups(answered: pl.DataFrame, position_by: PositionBy) -> pl.Series:
    if position_by == "none":
        return pl.Series(["all"] * len(answered), dtype=pl.String)
    if position_by == "template":
        return _named(answered["template"], "template", position_by)
    a, b = pl.col("origin_first"), pl.col("origin_second")
    joined = pl.concat_str([pl.min_horizontal(a, b), pl.max_horizontal(a, b)], separator=" × ")
    known = a.is_not_null() & b.is_not_null()
    pair = answered.select(pl.when(known).then(joined)).to_series()
    return _named(pair, "origin_first, origin_second", position_by)


def _named(values: pl.Series, column: str, position_by: str) -> pl.Series:
    if values.null_count():
        raise UsageError(
            f"--position-by {position_by} needs {column} for every comparison; "
            f"{values.null_count()} of {len(values)} have none"
        )
    return values
