"""How steady items are over repeats: one table a rater, and items written for other evals."""

import json
from collections.abc import Mapping

import polars as pl

from harness.errors import UsageError
from harness.items.load import load_items
from harness.report.parts.scatter import Cloud, Point, scatters
from harness.report.parts.style import Plot, palette
from harness.report.parts.table import Column, Table
from harness.stats.intervals import Estimate
from harness.stats.ratings.consistency import (
    combined_consistency,
    consistency_summary,
    item_consistency,
)
from harness.stats.ratings.matrix import matched_matrices, rating_matrix
from harness.studies.study import Parameters
from harness.where import SHELL_DIRECTORY

__all__ = ["SUMMARY", "by_rater", "item_file", "steady_plot", "summaries", "summary_table"]

SUMMARY = {
    "consistency": "consistency",
    "consistency_given_mean": "given the mean",
    "outcome_consistency": "of outcomes",
    "consistent_50": "≥ .5",
    "consistent_70": "≥ .7",
    "consistent_90": "≥ .9",
    "zero_variance": "never differ",
}


def summaries(frame: pl.DataFrame) -> dict[tuple[str, str], dict[str, Estimate]]:
    """The summary of each rater and template; UsageError with one repeat an item."""
    found = {}
    for (rater, template), part in sorted(
        frame.partition_by("rater", "template", as_dict=True).items()
    ):
        ratings = rating_matrix(part, column="normalised")
        if ratings.values.shape[1] < 2:
            raise UsageError(
                f"{rater}, {template}: one rating an item; consistency needs two seeds or more"
            )
        found[str(rater), str(template)] = consistency_summary(ratings)
    return found


def summary_table(found: Mapping[tuple[str, str], dict[str, Estimate]]) -> Table:
    """One row a rater and template."""
    return Table(
        name="consistency",
        title="Consistency",
        columns=(
            Column("rater", "rater"),
            Column("template", "template"),
            *(
                Column(key, words, "number" if "consistency" in key else "share")
                for key, words in SUMMARY.items()
            ),
        ),
        rows=[
            {"rater": rater, "template": template} | {key: value[key] for key in SUMMARY}
            for (rater, template), value in found.items()
        ],
        caption="1 − sd ÷ its largest value, of normalised ratings; shares of items whose "
        "consistency and outcome consistency both reach a value. “never differ” is the ceiling: "
        "an item at an end of the scale is consistent whatever it is.",
    )


def _by_item(frame: pl.DataFrame) -> pl.DataFrame:
    """One row an item of one rater, most consistent first, means over its templates.

    Columns of `item_consistency`, `combined` (.9 over repeats, .1 between templates) and
    `repeats_alone`.
    """
    parts = [part for _, part in sorted(frame.partition_by("template", as_dict=True).items())]
    tables = [item_consistency(rating_matrix(part, column="normalised")) for part in parts]
    items, matrices = matched_matrices(parts, column="normalised")
    both = pl.DataFrame(
        {
            "item": items,
            "combined": combined_consistency(matrices),
            "repeats_alone": combined_consistency(matrices, between_weight=0.0),
        }
    )
    names = ("mean", "consistency", "consistency_given_mean", "outcome_consistency", "overall")
    pooled = (
        pl.concat(tables)
        .group_by("item", "origin")
        .agg(pl.col("answers").sum(), *(pl.col(name).fill_nan(None).mean() for name in names))
    )
    return pooled.join(both, on="item", how="left").sort(
        pl.col("overall").fill_null(-1.0), "item", descending=[True, False]
    )


def by_rater(ratings: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The items of each rater, most consistent first, means over its templates: the columns of
    `item_consistency`, `combined` (.9 over repeats, .1 between templates) and `repeats_alone`."""
    return {
        str(rater): _by_item(part)
        for (rater,), part in sorted(ratings.partition_by("rater", as_dict=True).items())
    }


def item_file(ranked: pl.DataFrame, parameters: Parameters, *, least: float) -> str:
    """The items whose overall consistency reaches `least`, as JSONL for `-T items=FILE.jsonl`."""
    known = {
        item.id: item
        for item in load_items(
            parameters.items,
            per_origin=parameters.per_origin,
            sample_seed=parameters.sample_seed,
            base=SHELL_DIRECTORY,
        ).items
    }
    kept = ranked.filter(pl.col("overall") >= least - 1e-12)["item"]
    missing = [item for item in kept if item not in known]
    if missing:
        raise UsageError(
            f"consistency: {missing[0]!r} was rated but is not in items={parameters.items}; give "
            "the items of the logs (--items)"
        )
    lines = [{"id": item, "text": known[item].text, "origin": known[item].origin} for item in kept]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def steady_plot(tables: Mapping[str, pl.DataFrame]) -> Plot:
    """Consistency against the mean rating: a panel a rater, a colour an origin."""
    origins = sorted({str(origin) for table in tables.values() for origin in table["origin"]})
    return scatters(
        [
            Cloud(
                rater,
                [
                    Point(float(mean), float(value), str(origin))
                    for mean, value, origin in table.select("mean", "consistency", "origin")
                    .drop_nulls()
                    .iter_rows()
                ],
            )
            for rater, table in tables.items()
        ],
        name="consistency_mean",
        title="Consistency against mean rating",
        caption="One point an item. Means near 0 and 1 leave no room to differ: read the columns "
        "“given the mean” and “never differ” beside it.",
        x="mean normalised rating",
        y="consistency",
        colours=palette(origins),
        limits=((-0.03, 1.03), (-0.03, 1.06)),
    )
