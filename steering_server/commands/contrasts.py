"""Where the two sides of an extraction come from: system prompts, pairs, or a column of a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from harness.errors import UsageError
from harness.items.item import Item, text_hash
from harness.prompts.conditions import Condition, condition
from steering_server.capture.columns import Column, read_values
from steering_server.capture.completions import read_completions
from steering_server.capture.placed import Placed, Span, place
from steering_server.commands.probe import where_options
from steering_server.engine.runner import Sizes
from steering_server.extraction.activations import SpanName
from steering_server.extraction.chunks import Chunks, Plan
from steering_server.extraction.contrast import Sides, gathered, plan_of, split
from steering_server.extraction.extract import (
    Extracted,
    Settings,
    check_conditions,
    extract,
    items_hash,
    plan_for,
)
from steering_server.extraction.pairs import placed_pair, read_pairs
from steering_server.model.models import Loaded
from steering_server.vectors.directions import FittedMethod

__all__ = ["Given", "Source", "Work", "source_of"]


@dataclass(frozen=True)
class Given:
    """What the command line says of the two sides."""

    positive: str | None
    negative: str | None
    pairs: Path | None
    contrast: str | None
    table: Path | None
    where: tuple[str, ...]
    within_origin: bool
    items: str | None
    span: str | None


@dataclass(frozen=True)
class Work:
    """`size` conversations or items to go through, and how: `run(chunks, advance)`. `hash` is of
    what the vector is made from."""

    size: int
    hash: str
    plan: Plan
    run: Callable[[Chunks, Callable[[int], None]], Extracted]


class Source(Protocol):
    """One way to two sides, in one span."""

    @property
    def span(self) -> SpanName:
        """The span that selectors refer to."""

    def names(self, base: Path) -> tuple[Condition, Condition]:
        """The sides, by name (and system prompt, where they are that)."""

    def prepared(
        self, loaded: Loaded, items: Sequence[Item], settings: Settings, method: FittedMethod
    ) -> Work:
        """The work, checked. UsageError."""

    def told(self, extracted: Extracted) -> str:
        """What was used, in words."""


def source_of(given: Given) -> Source:
    """The one source that the options name. UsageError for none, or several."""
    named = {
        "--positive and --negative": given.positive is not None or given.negative is not None,
        "--pairs": given.pairs is not None,
        "--contrast": given.contrast is not None,
    }
    chosen = [name for name, there in named.items() if there]
    if len(chosen) != 1:
        raise UsageError(
            f"{', '.join(chosen) or 'no contrast'}; expected one of {', '.join(named)}"
        )
    tabled = bool(given.table or given.where or given.within_origin)
    if given.contrast is None and tabled:
        raise UsageError(
            f"--table, --where and --within-origin go with --contrast, not {chosen[0]}"
        )
    if (given.pairs is None) == (given.items is None):
        raise UsageError(f"{chosen[0]} {'needs' if given.items is None else 'takes no'} --items")
    if given.pairs is not None:
        return _Pairs(given.pairs, _span(given, ("differing", "completion")))
    if given.contrast is not None:
        return _by_column(given)
    if given.positive is None or given.negative is None:
        raise UsageError("--positive and --negative; expected both")
    return _Prompts(given.positive, given.negative, _span(given, ("completion", "prompt")))


def _span(given: Given, allowed: tuple[SpanName, ...]) -> SpanName:
    """The span, by default the first of `allowed`."""
    found = {name: name for name in allowed}.get(given.span or allowed[0])  # type: ignore[call-overload]
    if found is None:
        raise UsageError(f"--span {given.span}; expected {' or '.join(allowed)} here")
    span: SpanName = found
    return span


@dataclass(frozen=True)
class _Prompts:
    """Two system prompts over the same items."""

    positive: str
    negative: str
    span: SpanName

    def names(self, base: Path) -> tuple[Condition, Condition]:
        return condition(self.positive, base=base), condition(self.negative, base=base)

    def prepared(
        self, loaded: Loaded, items: Sequence[Item], settings: Settings, method: FittedMethod
    ) -> Work:
        check_conditions(loaded, items, settings)
        sizes = Sizes(rows=2 * settings.chunk)

        def run(chunks: Chunks, advance: Callable[[int], None]) -> Extracted:
            return extract(loaded, items, settings, chunks=chunks, sizes=sizes, advance=advance)

        return Work(len(items), items_hash(items), plan_for(loaded, items, settings), run)

    def told(self, extracted: Extracted) -> str:
        return f"{extracted.count} items ({extracted.dropped} dropped, without a completion)"


@dataclass(frozen=True)
class _Pairs:
    """Pairs of a person's own."""

    path: Path
    span: SpanName

    def names(self, base: Path) -> tuple[Condition, Condition]:
        return _sides(f"{self.path.name}:positive", f"{self.path.name}:negative")

    def prepared(
        self, loaded: Loaded, items: Sequence[Item], settings: Settings, method: FittedMethod
    ) -> Work:
        pairs = read_pairs(self.path)
        placed = [placed_pair(loaded, pair) for pair in pairs]
        for pair, both in zip(pairs, placed, strict=True):
            if any(self.span not in side.spans for side in both):
                raise UsageError(
                    f"{pair.place}: no completion; expected conversations that end in the model's "
                    "turn, or --span differing"
                )
        sides = Sides([one for one, _ in placed], [other for _, other in placed])
        return _work(loaded, sides, settings, self.span)

    def told(self, extracted: Extracted) -> str:
        return f"{extracted.count} pairs"


@dataclass(frozen=True)
class _Columns:
    """Items on two sides of a column. `texts` are their completions, where the span is that."""

    column: Column
    table: Path
    span: SpanName
    within_origin: bool

    def names(self, base: Path) -> tuple[Condition, Condition]:
        name = self.column.name + (f"={self.column.equals}" if self.column.equals else "")
        return _sides(f"{name} (upper)", f"{name} (lower)")

    def prepared(
        self, loaded: Loaded, items: Sequence[Item], settings: Settings, method: FittedMethod
    ) -> Work:
        if method == "pca":
            raise UsageError("--method pca needs pairs; expected mean_diff or logistic")
        positive, negative = split(read_values(self.table, self.column), items)
        texts: dict[str, dict[str, Any]] = {}
        if self.span == "completion":
            texts = read_completions(self.table)
        put = partial(_put, loaded, texts, self.span)
        origins = ([one.origin for one in positive], [one.origin for one in negative])
        if self.within_origin and not set(origins[0]) & set(origins[1]):
            raise UsageError("--within-origin: no origin has items on both sides")
        sides = Sides(
            [put(item) for item in positive],
            [put(item) for item in negative],
            origins if self.within_origin else None,
        )
        return _work(loaded, sides, settings, self.span)

    def told(self, extracted: Extracted) -> str:
        return f"{len(extracted.positive)} items against {len(extracted.negative)}"


def _by_column(given: Given) -> Source:
    if given.table is None or given.contrast is None:
        raise UsageError("--contrast needs --table")
    name, _, value = given.contrast.partition("=")
    column = Column(name, equals=value or None, where=where_options(given.where))
    allowed: tuple[SpanName, ...] = ("prompt", "item", "turn_end", "completion")
    return _Columns(column, given.table, _span(given, allowed), given.within_origin)


def _put(loaded: Loaded, texts: dict[str, dict[str, Any]], span: SpanName, item: Item) -> Placed:
    completion = texts[item.id]["text"] if item.id in texts else None
    placed = place(loaded, item, system=None, completion=completion)
    if span not in placed.spans:
        raise UsageError(f"item {item.id!r} has no span {span!r}")
    return placed


def _work(loaded: Loaded, sides: Sides, settings: Settings, span: Span) -> Work:
    plan = plan_of(loaded, sides, settings)

    def run(chunks: Chunks, advance: Callable[[int], None]) -> Extracted:
        return gathered(loaded, sides, settings, span, chunks=chunks, advance=advance)

    return Work(len(sides.all), text_hash(plan.positive + plan.negative), plan, run)


def _sides(positive: str, negative: str) -> tuple[Condition, Condition]:
    return Condition(name=positive, text=""), Condition(name=negative, text="")
