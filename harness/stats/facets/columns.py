"""Facets by name: which columns of the record table each is, and which may differ with it."""

from collections.abc import Collection, Sequence

import polars as pl

from harness.errors import UsageError
from harness.records.pooling import require_one

__all__ = ["FACETS", "OWN", "levels_of", "one_but_for", "read_facets", "varying"]

FACETS: dict[str, tuple[str, ...]] = {
    "wording": ("wording", "template_hash"),
    "context": ("context",),
    "template": ("template", "template_hash", "wording"),
    "response": ("response", "max_tokens"),
    "readout": ("readout",),
    "labels": ("labels",),
    "timing": ("timing", "completer", "completer_identity", "completion_sysprompt"),
    "completer": ("completer", "completer_identity"),
    "rater": ("rater", "rater_identity", "thinking", "temperature", "max_tokens"),
}
"""Columns in which the records of one analysis may differ where the facet is one of it."""

OWN = "own"
"""Name of a template's own question among its wordings."""


def read_facets(text: str) -> tuple[str, ...]:
    """`wording,response` → the facets named; UsageError for any other, and for two of one."""
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in FACETS:
            raise UsageError(f"unknown facet {name!r}; expected some of {', '.join(FACETS)}")
    if len(set(names)) < len(names):
        raise UsageError(f"facets {text!r}; expected each once")
    if {"wording", "template"} <= set(names):
        raise UsageError("facets wording and template; expected one of them")
    return names


def varying(records: pl.DataFrame) -> tuple[str, ...]:
    """The facets but the rater that have two levels or more in these records."""
    found = [name for name in FACETS if name != "rater" and levels_of(records, name).n_unique() > 1]
    if "template" in found and records["template"].n_unique() == 1:
        found.remove("template")
    if "template" in found and "wording" in found:
        found.remove("wording")
    if "timing" in found and "completer" in found:
        found.remove("completer")
    return tuple(found)


def levels_of(records: pl.DataFrame, facet: str) -> pl.Series:
    """Each record's level of a facet."""
    if facet == "wording":
        own = pl.concat_str([pl.lit(f"{OWN}@"), pl.col("template_hash").str.slice(0, 8)])
        return records.select(pl.coalesce("wording", own)).to_series()
    if facet == "template":
        hashed = pl.coalesce("wording", pl.col("template_hash").str.slice(0, 8))
        return records.select(pl.concat_str(["template", hashed], separator=" ")).to_series()
    return records.select(pl.col(FACETS[facet][0]).fill_null("none")).to_series()


def one_but_for(records: pl.DataFrame, facets: Sequence[str], *, where: str) -> None:
    """UsageError where records differ in more than the facets say, or do not in one of them."""
    factors: Collection[str] = {column for name in facets for column in FACETS[name]}
    require_one(records, factors=factors, where=where)
    for name in facets:
        levels = levels_of(records, name)
        if levels.n_unique() < 2:
            raise UsageError(
                f"facet {name} has one level in {where} ({levels[0]}); expected two or more"
            )
