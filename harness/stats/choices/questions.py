"""From a record table or a comparisons file to the arrays of a fit.

Both become one table of questions first, with the columns of `QUESTION_SCHEMA`; only questions
whose outcome is `answered` reach a fit, all others are counted.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import polars as pl

from harness.errors import UsageError
from harness.stats.thurstone.comparisons import Comparisons, aggregate

__all__ = [
    "QUESTION_SCHEMA",
    "PositionBy",
    "as_half_wins",
    "build",
    "outcome_rates",
    "questions_from_records",
    "questions_from_table",
    "read_questions",
]

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
}
"""One row a question: `p` is 1 or 0 for the item shown first or second being chosen, or the
probability read off the model (`soft`); null unless `outcome` is `answered`. `count` is how often.
`random`: the pair was drawn at random, not chosen by what earlier answers said. `refused_first`,
`refused_second`: whether the item's completion was a refusal; null where not known."""


def questions_from_records(records: pl.DataFrame) -> pl.DataFrame:
    """Choice records (`harness.records.record.SCHEMA`) as questions; other kinds are left out."""
    choices = records.filter(pl.col("kind") == "choice")
    soft = pl.col("p_first").is_not_null()
    answered = pl.col("outcome") == "answered"
    hard = pl.when(pl.col("choice") == "first").then(1.0).when(pl.col("choice") == "second").then(0)
    return choices.select(
        first="item_first",
        second="item_second",
        origin_first="origin_first",
        origin_second="origin_second",
        template="template",
        outcome="outcome",
        p=pl.when(answered).then(pl.coalesce("p_first", hard)),
        count=pl.lit(1.0),
        soft=soft & answered,
        random=pl.col("drawn").is_in(["initial", "reserve"]).fill_null(False),
        refused_first="completion_refused_first",
        refused_second="completion_refused_second",
    )


def read_questions(path: Path) -> pl.DataFrame:
    """A CSV or Parquet file of comparisons as questions; see `questions_from_table`."""
    try:
        if path.suffix == ".parquet":
            table = pl.read_parquet(path)
        else:
            table = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UsageError(f"cannot read {path}: {str(error).splitlines()[0]}") from error
    return questions_from_table(table, where=str(path))


def questions_from_table(table: pl.DataFrame, *, where: str) -> pl.DataFrame:
    """Columns `first,second,choice[,count][,p_first]`, and optionally `template,origin_first,
    origin_second,random`, as questions; `where` names the source in errors.

    `choice` is `first` or `second`; anything else is an outcome of its own. A row with `p_first`
    counts as answered unless its `choice` names another outcome.
    """
    missing = [c for c in ("first", "second") if c not in table.columns]
    if "choice" not in table.columns and "p_first" not in table.columns:
        missing.append("choice")
    if missing:
        raise UsageError(
            f"no column {', '.join(missing)} in {where}; expected "
            "first,second,choice[,count][,p_first]"
        )
    numbered = _numbers(table.with_row_index("row", offset=2), where)
    text = pl.col("choice").cast(pl.String).fill_null("").str.strip_chars()
    has_p = pl.col("p_first").is_not_null()
    is_choice = text.is_in(["first", "second"])
    answered = is_choice | (has_p & text.is_in(["", "answered"]))
    hard = pl.when(text == "first").then(1.0).otherwise(0.0)
    other = pl.when(text.is_in(["", "answered"])).then(pl.lit("missing")).otherwise(text)
    optional = [
        (pl.col(c) if c in table.columns else pl.lit(None, pl.String)).alias(c)
        for c in ("origin_first", "origin_second", "template")
    ]
    questions = numbered.select(
        pl.col("row"),
        pl.col("first").cast(pl.String),
        pl.col("second").cast(pl.String),
        *optional,
        outcome=pl.when(answered).then(pl.lit("answered")).otherwise(other),
        p=pl.when(answered).then(pl.coalesce("p_first", hard)),
        count="count",
        soft=has_p & answered,
        random=_flag(table),
        refused_first=pl.lit(None, pl.Boolean),
        refused_second=pl.lit(None, pl.Boolean),
    )
    _check_rows(questions, where)
    return questions.select(list(QUESTION_SCHEMA))


def _flag(table: pl.DataFrame) -> pl.Expr:
    if "random" not in table.columns:
        return pl.lit(False)
    return pl.col("random").cast(pl.String).str.to_lowercase().is_in(["true", "1"])


def _numbers(table: pl.DataFrame, where: str) -> pl.DataFrame:
    """`count` and `p_first` as numbers, 1 and null where absent; `choice` always there."""
    for name, default in (("count", 1.0), ("p_first", None)):
        if name not in table.columns:
            table = table.with_columns(pl.lit(default, pl.Float64).alias(name))
            continue
        text = pl.col(name).cast(pl.String).str.strip_chars()
        parsed = text.replace("", None).cast(pl.Float64, strict=False)
        bad = table.filter(text.is_not_null() & (text != "") & parsed.is_null())
        if len(bad):
            raise UsageError(
                f"{name} {bad[name][0]!r} in {where}, row {bad['row'][0]}; expected a number"
            )
        filled = parsed if default is None else parsed.fill_null(default)
        table = table.with_columns(filled.alias(name))
    if "choice" not in table.columns:
        table = table.with_columns(pl.lit("", pl.String).alias("choice"))
    return table


def _check_rows(questions: pl.DataFrame, where: str) -> None:
    count, p = pl.col("count"), pl.col("p")
    rules = [
        ("first", pl.col("first").is_null() | pl.col("second").is_null(), "expected two items"),
        ("first", pl.col("first") == pl.col("second"), "an item is compared with itself"),
        ("count", ~(count.is_finite() & (count >= 0)), "expected a finite number, 0 or more"),
        ("p", p.is_not_null() & ~((p >= 0) & (p <= 1)), "expected a probability"),
    ]
    for column, bad, expected in rules:
        rows = questions.filter(bad)
        if len(rows):
            name = "p_first" if column == "p" else column
            value = rows[column][0]
            raise UsageError(f"{name} {value!r} in {where}, row {rows['row'][0]}; {expected}")


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
    own (an ordered pair of origins would be confounded with the origins' means).
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
    return aggregate(
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
