"""The cells of a report: groups of records that may be pooled, with names that tell them apart."""

from collections import Counter
from dataclasses import dataclass, field, replace

import polars as pl

from harness.analysis.drawn import DRAWN, drawn_facets, taken_together
from harness.analysis.names import short, slug
from harness.prompts.catalogue import RATINGS
from harness.records.pooling import IDENTITY, groups, keys

__all__ = ["Cell", "Levels", "cells", "count_cells", "declared_levels"]

_READABLE = (
    "timing",
    "response",
    "readout",
    "completer",
    "completion_sysprompt",
    "completion_prefix",
    "measurement_sysprompt",
    "vector",
    "coef",
    "layer",
    "positions",
    "operation",
    "thinking",
    "temperature",
    "labels",
)
"""Columns whose values say what was done; the others (hashes, limits) only tell apart."""

_PREFIX = {
    "rater_identity": "identity ",
    "thinking": "thinking ",
    "temperature": "temperature ",
    "max_tokens": "max tokens ",
    "completer": "completed by ",
    "completer_identity": "completer ",
    "template_hash": "wording ",
    "labels": "labels ",
    "completion_sysprompt": "completed under ",
    "measurement_sysprompt": "measured under ",
    "vector": "vector ",
    "coef": "coefficient ",
    "layer": "layer ",
    "positions": "at ",
}
"""What a value needs before it to be understood alone; timing, response, readout need nothing."""


@dataclass(frozen=True)
class Cell:
    """Records of one rater, template and configuration.

    `variant` names whatever else tells this cell from the others of the report, "" where nothing
    does. Wordings and contexts that a design drew are in one cell, whose variant says how many
    they are: so do the columns of `frame`, and `asked` are the same records, each with its own.
    """

    rater: str
    template: str
    template_hash: str
    labels: str
    variant: str
    key: dict[str, object]
    frame: pl.DataFrame = field(repr=False)
    asked: pl.DataFrame = field(repr=False)

    @property
    def over(self) -> tuple[str, ...]:
        """The facets of which a design drew several levels: wording, context."""
        return drawn_facets(self.asked)

    @property
    def name(self) -> str:
        """Rater, template and variant."""
        return " · ".join(part for part in (self.rater, self.template, self.variant) if part)

    @property
    def question(self) -> str:
        """Template and variant: what was asked, whoever was asked."""
        return " · ".join(part for part in (self.template, self.variant) if part)

    @property
    def anchor(self) -> str:
        """The name as a file name or anchor."""
        return slug(self.name)

    @property
    def row(self) -> dict[str, object]:
        """The columns that name the cell in a table."""
        return {"rater": self.rater, "template": self.template, "variant": self.variant}


def cells(frame: pl.DataFrame, kind: str) -> list[Cell]:
    """Cells of the records of one kind, sorted by rater, template and variant."""
    records = frame.filter(pl.col("kind") == kind)
    if not records.height:
        return []
    row = "row of the records"
    pooled = taken_together(records).with_row_index(row)
    named = _telling(pooled)
    found = [
        Cell(
            rater=str(key["rater"]),
            template=str(key["template"]),
            template_hash=str(key["template_hash"]),
            labels=str(key["labels"] or ""),
            variant=", ".join(said for name in named if (said := _said(name, key))),
            key=key,
            frame=(own := part.drop(row)),
            asked=_asked(records, part[row], own),
        )
        for key, part in groups(pooled)
    ]
    return _told_apart(sorted(found, key=lambda cell: (cell.rater, cell.template, cell.variant)))


def count_cells(frame: pl.DataFrame, kind: str) -> int:
    """How many `cells` would give."""
    records = frame.filter(pl.col("kind") == kind).select(*keys(frame))
    return taken_together(records).n_unique() if records.height else 0


def _asked(records: pl.DataFrame, rows: pl.Series, pooled: pl.DataFrame) -> pl.DataFrame:
    """The rows as they were asked; `pooled` itself where these are the same, for they are large."""
    if records.select(DRAWN)[rows].equals(pooled.select(DRAWN)):
        return pooled
    return records[rows]


def _telling(records: pl.DataFrame) -> list[str]:
    """Identity columns to name beside rater and template.

    Readable ones that vary for a template, the completer (the rater itself included) where any
    is not the rater, wordings and contexts that were drawn, and then whatever else it takes to
    tell the cells apart.
    """
    varying = records.group_by("template").agg(pl.col(name).n_unique() for name in _READABLE)
    foreign = bool((records["completer"] != records["rater"]).any())
    chosen = [
        name
        for name in _READABLE
        if (foreign if name == "completer" else (varying[name] > 1).any())
    ]
    chosen += [name for name in DRAWN if records[name].is_not_null().any()]
    count = records.select("rater", "template", *chosen).n_unique()
    for name in IDENTITY:
        more = records.select("rater", "template", *chosen, pl.col(name).alias("more")).n_unique()
        if more > count:
            chosen, count = [*chosen, name], more
    return chosen


def _told_apart(found: list[Cell]) -> list[Cell]:
    """The cells with a number where a name would stand for two: figures and files go by name."""
    seen: Counter[str] = Counter()
    apart = []
    for cell in found:
        seen[cell.name] += 1
        if seen[cell.name] > 1:
            variant = f"{cell.variant} ({seen[cell.name]})".strip()
            cell = replace(cell, variant=variant)
        apart.append(cell)
    return apart


def _said(name: str, key: dict[str, object]) -> str:
    """A value of an identity column in words, "" for none: what a cell lacks goes unsaid."""
    value = key[name]
    if value is None or value == "none":
        return ""
    if name == "completion_prefix":
        return "" if value else "not asked to hide it"
    if isinstance(value, float):
        text = f"{value:g}"
    elif name in DRAWN and "@" in str(value):
        text = f"{name} {value}"
    else:
        text = str(value)[:8] if name.endswith(("_hash", "identity")) else short(str(value), 60)
    return _PREFIX.get(name, "") + text


@dataclass(frozen=True)
class Levels:
    """Declared levels, lowest first. `note` says so when they were not found in the catalogue."""

    labels: tuple[str, ...]
    values: tuple[float, ...]
    note: str = ""


def declared_levels(cell: Cell) -> Levels | None:
    """The levels that the cell's template declares; None where they cannot be known.

    Built-in templates by name and content hash. A user's template is known by the labels in its
    records: their values where the labels are numbers, else those that answers were given (each
    label has one), which needs every label to have been answered.
    """
    template = RATINGS.get(cell.template)
    if template is not None and cell.template_hash in map(template.asked_hash, template.timings):
        allowed = [level for level in template.levels if level.label not in template.banned]
        return Levels(
            tuple(level.label for level in allowed), tuple(level.value for level in allowed)
        )
    names = tuple(cell.labels.split(","))
    seen = dict(
        cell.frame.filter(pl.col("answer").is_not_null() & pl.col("value").is_not_null())
        .select("answer", "value")
        .unique()
        .iter_rows()
    )
    pairs = [(seen.get(name, _as_number(name)), name) for name in names]
    known = sorted((float(value), name) for value, name in pairs if value is not None)
    if len(names) < 2 or len({value for value, _ in known}) < len(names):
        return None
    return Levels(
        tuple(name for _, name in known),
        tuple(value for value, _ in known),
        note="levels as the records list them",
    )


def _as_number(label: str) -> float | None:
    try:
        return float(label)
    except ValueError:
        return None
