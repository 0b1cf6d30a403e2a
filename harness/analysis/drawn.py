"""Wordings and contexts that a run drew, taken together: one cell for all of them.

A design that draws wordings (`-T wordings=4`) asks one question in several ways, and what it is
about is the question. Its records keep the wording each was asked in; a cell of them says how many
there were, and utilities are fitted over all that might have been drawn (`stats.facets`).
"""

import polars as pl

from harness.records.pooling import IDENTITY

__all__ = ["DRAWN", "drawn_facets", "taken_together"]

DRAWN = ("wording", "context")
"""Columns that a run fills where it draws, and leaves empty where it does not."""


def taken_together(records: pl.DataFrame) -> pl.DataFrame:
    """The same rows, `wording` and `context` of what a design drew replaced by how many there are.

    Counted over the records that agree in all else; one alone keeps its name, and so do those of
    probabilities read off a model, which no joint fit takes.
    """
    others = [name for name in IDENTITY if name not in DRAWN]
    drawn = [pl.col(name).is_not_null() for name in DRAWN]
    over = [
        *others,
        *(flag.alias(f"drawn {name}") for flag, name in zip(drawn, DRAWN, strict=True)),
    ]
    sampled = pl.col("readout").is_null() | (pl.col("readout") == "sample")
    counts = [pl.col(name).n_unique().over(over) for name in DRAWN]
    return records.with_columns(
        pl.when(flag & sampled & (count > 1))
        .then(pl.format(f"{{}} {name}s", count))
        .otherwise(pl.col(name))
        .alias(name)
        for name, flag, count in zip(DRAWN, drawn, counts, strict=True)
    )


def drawn_facets(asked: pl.DataFrame) -> tuple[str, ...]:
    """The facets of which these records have two levels or more."""
    return tuple(name for name in DRAWN if asked[name].n_unique() > 1)
