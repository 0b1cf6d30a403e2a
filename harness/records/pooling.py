"""What may be pooled: one rater, one configuration, one wording, unless the design says so."""

from collections.abc import Collection, Iterator, Sequence

import polars as pl

from harness.errors import UsageError

__all__ = [
    "IDENTITY",
    "groups",
    "items_only",
    "keys",
    "labels",
    "require_columns",
    "require_one",
    "require_one_text",
]

IDENTITY = (
    "kind",
    "rater",
    "rater_identity",
    "thinking",
    "temperature",
    "max_tokens",
    "completer",
    "completer_identity",
    "template",
    "template_hash",
    "timing",
    "response",
    "readout",
    "labels",
    "completion_sysprompt",
    "completion_prefix",
    "measurement_sysprompt",
    "wording",
    "context",
    "vector",
    "coef",
    "layer",
    "positions",
    "operation",
)
"""Columns of the record table in which the records of one analysis must agree."""


def items_only(frame: pl.DataFrame) -> pl.DataFrame:
    """Records about items alone: without those in which one of the two was the opt-out."""
    return frame.filter(pl.col("zero").is_null()) if "zero" in frame.columns else frame


def require_columns(frame: pl.DataFrame, columns: Collection[str], *, where: str) -> None:
    """UsageError naming the columns that `frame` lacks."""
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise UsageError(
            f"missing column {', '.join(map(repr, missing))} in {where}; "
            f"found {', '.join(frame.columns) or 'none'}"
        )


_TEXTS = {"item": "item_hash", "item_first": "item_hash_first", "item_second": "item_hash_second"}
"""Columns that name an item, and those that say which text it had."""


def require_one_text(frame: pl.DataFrame, *, where: str = "") -> None:
    """UsageError that names an id under which `frame` holds two texts or more.

    Records of logs that do not say their items' texts (null) are taken as they are.
    """
    told = [
        frame.select(item=pl.col(name), text=pl.col(text)).drop_nulls().unique()
        for name, text in _TEXTS.items()
        if name in frame.columns and text in frame.columns
    ]
    if not told:
        return
    texts = pl.concat(told).group_by("item").agg(pl.col("text").unique().sort())
    twice = texts.filter(pl.col("text").list.len() > 1).sort("item")
    if twice.height:
        name, hashes = twice.row(0)
        more = f" and {twice.height - 1} more" if twice.height > 1 else ""
        raise UsageError(
            f"item {name!r}{more} stands for two or more texts (item_hash "
            f"{', '.join(map(repr, hashes[:6]))}){_at(where)}; analyse them apart"
        )


_DRAWN = {"wording", "context"}
"""Columns whose values a run draws, so that a joint fit can speak of all of them."""


def require_one(frame: pl.DataFrame, *, factors: Collection[str] = (), where: str = "") -> None:
    """Refuse to pool: every identity column that is not a factor must hold one value.

    Null is a value of its own, and an id stands for one text. UsageError names the columns and the
    values.
    """
    require_one_text(frame, where=where)
    differing = [name for name in _varying(frame) if name not in factors]
    if not differing:
        return
    if differing == ["template_hash"]:
        names = frame.get_column("template").unique().to_list()
        if len(names) == 1:
            raise UsageError(
                f"template {names[0]!r} stands for two or more wordings "
                f"(template_hash {_values(frame, 'template_hash')}){_at(where)}; "
                "analyse them apart"
            )
    named = "; ".join(f"{name}: {_values(frame, name)}" for name in differing)
    jointly = ""
    if set(differing) <= _DRAWN:
        jointly = f", or together by penchant utilities --over {','.join(differing)}"
    raise UsageError(
        f"would pool records that differ in {named}{_at(where)}; analyse them apart (logs one by "
        f"one; penchant report does){jointly}"
    )


def groups(
    frame: pl.DataFrame, *, extra: Sequence[str] = ()
) -> Iterator[tuple[dict[str, object], pl.DataFrame]]:
    """The parts of `frame` that may each be pooled, with their values of the identity columns.

    `extra` columns split further (origin, say). Sorted by key, nulls first. UsageError where an id
    stands for two texts anywhere in `frame`.
    """
    require_one_text(frame)
    names = [*keys(frame), *(name for name in extra if name not in IDENTITY)]
    if not names:
        yield {}, frame
        return
    parts = frame.partition_by(names, as_dict=True)
    for key in sorted(parts, key=lambda key: tuple(_sortable(value) for value in key)):
        yield dict(zip(names, key, strict=True)), parts[key]


def keys(frame: pl.DataFrame) -> list[str]:
    """The identity columns that `frame` has."""
    return [name for name in IDENTITY if name in frame.columns]


def labels(frame: pl.DataFrame, *, always: Sequence[str] = ("rater", "template")) -> list[str]:
    """The identity columns that tell the groups of `frame` apart: `always`, and all that vary.

    A column that merely mirrors one already chosen (an identity one to one with the rater's
    name) is left out; a hash stays where one name has two.
    """
    chosen = [name for name in always if name in frame.columns]
    for name in _varying(frame):
        if name in chosen:
            continue
        before = frame.select(chosen).n_unique() if chosen else 1
        if frame.select([*chosen, name]).n_unique() > before:
            chosen.append(name)
    return chosen


def _varying(frame: pl.DataFrame) -> list[str]:
    return [
        name for name in IDENTITY if name in frame.columns and frame.get_column(name).n_unique() > 1
    ]


def _values(frame: pl.DataFrame, name: str) -> str:
    values = sorted(frame.get_column(name).unique().to_list(), key=_sortable)
    shown = ", ".join("none" if value is None else repr(value) for value in values[:6])
    return shown + (f" and {len(values) - 6} more" if len(values) > 6 else "")


def _sortable(value: object) -> tuple[int, float, str]:
    if value is None:
        return (0, 0.0, "")
    if isinstance(value, int | float):
        return (1, float(value), "")
    return (2, 0.0, str(value))


def _at(where: str) -> str:
    return f" in {where}" if where else ""
