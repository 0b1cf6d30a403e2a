"""A person's own contrast: pairs of texts or conversations, one pair a line.

`{"positive": …, "negative": …}`, each a text or a list of `{"role", "content"}`. A text is read as
it stands, after the tokenizer's own first token; a conversation goes through the model's chat
template, and where it ends in the model's turn that turn is the completion.
"""

from pathlib import Path
from typing import Any

import msgspec

from harness.errors import UsageError
from harness.items.rows import Row, read_rows
from harness.wire import Message
from steering_server.capture.placed import Placed, continued, rendered
from steering_server.model.locating import shared_beginning
from steering_server.model.models import Loaded

__all__ = ["Pair", "Side", "placed_pair", "read_pairs"]

Side = str | tuple[Message, ...]
_SIDES = ("positive", "negative")


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two sides; `place` names file and line for errors."""

    positive: Side
    negative: Side
    place: str


def read_pairs(path: Path) -> list[Pair]:
    """Every pair of a JSONL, JSON or CSV file. UsageError, naming the line, for one that is none,
    and for fewer than two."""
    pairs = [
        Pair(positive=_side(row, "positive"), negative=_side(row, "negative"), place=row.place)
        for row in read_rows(path)
    ]
    if len(pairs) < 2:
        raise UsageError(f"{path} has {len(pairs)} pair; expected two or more")
    return pairs


def _side(row: Row, name: str) -> Side:
    value = row.fields.get(name)
    if isinstance(value, str) and value:
        return value
    try:
        turns = msgspec.convert(value, list[Message])
    except msgspec.ValidationError as error:
        raise UsageError(
            f"{row.place}: field {name!r}: expected a text or a conversation "
            f'([{{"role": "user", "content": "…"}}, …]): {error}'
        ) from error
    if not turns:
        raise UsageError(f"{row.place}: field {name!r} is empty")
    return tuple(turns)


def placed_pair(loaded: Loaded, pair: Pair) -> tuple[Placed, Placed]:
    """Both sides as tokens. Span `differing` begins at the first token in which they differ (what
    stands before is the same in both, and so are its activations); `completion` is the model's
    last turn, of a conversation that ends in one. UsageError for sides that do not differ."""
    sides = [_placed(loaded, getattr(pair, name), where=f"{pair.place}: {name}") for name in _SIDES]
    one, other = (side.tokens for side in sides)
    if one == other:
        raise UsageError(f"{pair.place}: positive and negative are the same")
    start = shared_beginning(one, other)
    placed = []
    for side in sides:
        end = len(side.tokens)
        # A side that the other begins with differs by what comes next: after its last token.
        placed.append(Placed(side.tokens, {**side.spans, "differing": (min(start, end - 1), end)}))
    return placed[0], placed[1]


def _placed(loaded: Loaded, side: Side, *, where: str) -> Placed:
    if isinstance(side, str):
        return _checked(loaded, Placed(_raw(loaded.tokenizer, side), {}), where)
    if side[-1].role != "assistant":
        return _checked(loaded, Placed(rendered(loaded, side, where=where).tokens, {}), where)
    if len(side) == 1:
        raise UsageError(f"{where}: a conversation of the model's turn alone; expected one before")
    prompt = rendered(loaded, side[:-1], where=where)
    tokens = continued(loaded, prompt, side[-1].content, where=where)
    spans: Any = {"completion": (len(prompt.tokens), len(tokens))}
    return _checked(loaded, Placed(tokens, spans), where)


def _raw(tokenizer: Any, text: str) -> tuple[int, ...]:
    """`text` with what the tokenizer puts before and after any text, less what ends it."""
    bos = tokenizer.bos_token
    # A text that writes the first token out itself does not get another.
    special = not (bos and text.startswith(bos))
    tokens = tuple(tokenizer(text, add_special_tokens=special).input_ids)
    return tokens[:-1] if special and tokens[-1:] == (tokenizer.eos_token_id,) else tokens


def _checked(loaded: Loaded, placed: Placed, where: str) -> Placed:
    if not 0 < len(placed.tokens) <= loaded.context:
        raise UsageError(
            f"{where}: {len(placed.tokens)} tokens; {loaded.id} takes 1 to {loaded.context}"
        )
    return placed
