"""Which rows go through the model together, and how much of the work they share.

Rows with the same tokens are one prompt; rows of one prompt to which the same is added are one
lane. A batch computes its prompts once up to the layer at which its lanes part (late expansion),
and, where nothing is added before some position, its tokens before that position once: for all
lanes of a prompt, or, where its prompts begin alike, for all prompts (shared prefix).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from steering_server.model.work import Addition, Row, first_steered

__all__ = ["Batch", "Lane", "Limits", "plan"]

_WASTE = 1.15
"""Padded tokens of a batch stay within this multiple of its real tokens."""
_PAYS = 256
"""Tokens that a beginning common to several prompts has to save: it takes a pass of its own, which
reads all weights for the sake of a few tokens."""


@dataclass(frozen=True)
class Limits:
    """Most lanes in one batch, and most tokens (lanes × longest prompt)."""

    rows: int = 32
    tokens: int = 16384


@dataclass
class Lane:
    """Rows that one computed row answers: the same tokens, the same additions."""

    prompt: int
    additions: tuple[Addition, ...]
    rows: list[Row]


@dataclass
class Batch:
    """Prompts (tokens) and the lanes over them.

    Lanes part at the output of layer `expand_at`; None when no prompt has more than one lane.
    The last `tail` tokens of each prompt are computed on top of a shared prefix; 0: all at once.
    The prefix is computed once a prompt, or, where all begin with the same `common` tokens (not 0),
    once for all of them.
    """

    expand_at: int | None
    tail: int
    prompts: list[tuple[int, ...]] = field(default_factory=list)
    lanes: list[Lane] = field(default_factory=list)
    common: int = 0

    @property
    def width(self) -> int:
        """Tokens of the longest prompt."""
        return max(len(prompt) for prompt in self.prompts)

    @property
    def rows(self) -> list[Row]:
        """All rows, in lane order."""
        return [row for lane in self.lanes for row in lane.rows]

    def share(self) -> None:
        """Compute what all prompts begin with once, where that pays and nothing looks at it."""
        if self.tail or any(row.recorder for row in self.rows):
            return
        least = min(len(prompt) for prompt in self.prompts) - 1
        steered = min(first_steered(lane.additions, least) for lane in self.lanes)
        common = min(_alike(self.prompts), steered)
        if (len(self.prompts) - 1) * common >= _PAYS:
            self.common, self.tail = common, self.width - common


def _alike(prompts: Sequence[tuple[int, ...]]) -> int:
    """Tokens with which all of `prompts` begin."""
    first, last = min(prompts), max(prompts)
    differing = (
        at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other
    )
    return next(differing, min(len(first), len(last)))


@dataclass
class _Group:
    """Lanes of one prompt that part at the same layer."""

    tokens: tuple[int, ...]
    layer: int | None
    lanes: list[tuple[tuple[Addition, ...], list[Row]]]

    @property
    def tail(self) -> int:
        """Tokens that have to be computed lane by lane; 0 where sharing the rest does not pay."""
        length = len(self.tokens)
        if len(self.lanes) < 2 or any(row.recorder for _, rows in self.lanes for row in rows):
            return 0
        first = min(first_steered(additions, length) for additions, _ in self.lanes)
        tail = length - min(first, length - 1)
        return tail if 2 * tail <= length else 0


def _groups(rows: Sequence[Row]) -> list[_Group]:
    """By prompt, then by the first layer that anything is added to.

    Lanes with nothing added join the first group of their prompt: they are free there.
    """
    lanes: dict[tuple[int, ...], dict[tuple[object, ...], list[Row]]] = {}
    for row in rows:
        lanes.setdefault(row.tokens, {}).setdefault(row.lane, []).append(row)
    groups: list[_Group] = []
    for tokens, members in lanes.items():
        by_layer: dict[int | None, _Group] = {}
        for same in members.values():
            additions = same[0].additions
            layer = min((addition.layer for addition in additions), default=None)
            group = by_layer.setdefault(layer, _Group(tokens, layer, []))
            group.lanes.append((additions, same))
        plain = by_layer.pop(None, None)
        if plain is not None and by_layer:
            next(iter(by_layer.values())).lanes[:0] = plain.lanes
        elif plain is not None:
            by_layer[None] = plain
        groups.extend(by_layer.values())
    return groups


def _cut(group: _Group, limits: Limits) -> list[_Group]:
    """Parts of `group` small enough for one batch each."""
    most = max(1, min(limits.rows, limits.tokens // len(group.tokens)))
    return [
        _Group(group.tokens, group.layer, group.lanes[at : at + most])
        for at in range(0, len(group.lanes), most)
    ]


def _fits(batch: Batch, group: _Group, limits: Limits) -> bool:
    width = max(batch.width, len(group.tokens))
    lanes = len(batch.lanes) + len(group.lanes)
    real = sum(len(batch.prompts[lane.prompt]) for lane in batch.lanes)
    real += len(group.tokens) * len(group.lanes)
    padded = width * lanes
    return lanes <= limits.rows and padded <= limits.tokens and padded <= _WASTE * real


def plan(rows: Sequence[Row], limits: Limits) -> list[Batch]:
    """Batches over `rows`; every row is in exactly one. A row longer than the limit goes alone."""
    parts = [part for group in _groups(rows) for part in _cut(group, limits)]
    parts.sort(key=lambda part: len(part.tokens))
    open_batches: dict[tuple[int | None, int], Batch] = {}
    batches: list[Batch] = []
    for part in parts:
        key = (part.layer, part.tail)
        batch = open_batches.get(key)
        if batch is None or not _fits(batch, part, limits):
            batch = open_batches[key] = Batch(part.layer, part.tail)
            batches.append(batch)
        batch.lanes += [Lane(len(batch.prompts), additions, same) for additions, same in part.lanes]
        batch.prompts.append(part.tokens)
    for batch in batches:
        if len(batch.lanes) == len(batch.prompts):
            batch.expand_at = None
        batch.share()
    return batches
