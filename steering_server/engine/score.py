"""Answers that need no generation: one token, or the probability of each allowed answer.

The probability of an answer is that of a reply that begins with it and with no longer allowed
answer: where "1" and "10" are both allowed, "1" is P(begins with 1) − P(begins with 10). So the
probabilities never sum to more than 1, and their sum is the mass on allowed answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch

from steering_server.engine.prefill import Prefilled, forward, prefill
from steering_server.model.hooks import Step
from steering_server.model.models import Loaded
from steering_server.model.patches import note_survival, patches
from steering_server.model.planning import Batch
from steering_server.model.work import Row

__all__ = ["Scored", "score"]

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Scored:
    """What the pass says about one row: logits [vocabulary] of the next token, and, where it
    asked for choices, their probabilities in that order (NaN where the model gave none)."""

    row: Row
    logits: torch.Tensor
    choices: tuple[float, ...] | None


def _contexts(choices: Sequence[Tokens]) -> list[Tokens]:
    """The token sequences after which a next-token distribution is needed, beyond the prompt.

    A sequence that begins a longer one is covered by it.
    """
    needed = {choice[:-1] for choice in choices if len(choice) > 1}
    return sorted(
        one for one in needed if not any(one != other and _begins(one, other) for other in needed)
    )


def _begins(start: Tokens, whole: Tokens) -> bool:
    return whole[: len(start)] == start


def _exclusive(choices: Sequence[Tokens], begins: Sequence[float]) -> tuple[float, ...]:
    """P(begins with it and with no longer choice) from P(begins with it)."""
    order = sorted(range(len(choices)), key=lambda index: -len(choices[index]))
    result = dict.fromkeys(range(len(choices)), 0.0)
    for index in order:
        longer = [
            result[other]
            for other in order
            if other != index
            and len(choices[other]) > len(choices[index])
            and _begins(choices[index], choices[other])
        ]
        # max(…, 0.0) would turn a NaN into 0: a row that overflowed must stay recognisable.
        left = begins[index] - sum(longer)
        result[index] = 0.0 if left < 0 else left
    return tuple(result[index] for index in range(len(choices)))


def _continue(
    loaded: Loaded, batch: Batch, done: Prefilled, wanted: Sequence[tuple[int, Tokens]]
) -> torch.Tensor:
    """Log-probabilities [wanted, tokens, vocabulary] after each token of (lane, context) pairs."""
    assert done.cache is not None
    cache = done.cache.selected(torch.tensor([lane for lane, _ in wanted], device=loaded.device))
    longest = max(len(context) for _, context in wanted)
    old = cache.length
    rows = [list(context) + [loaded.pad] * (longest - len(context)) for _, context in wanted]
    pads = [done.pads[lane] for lane, _ in wanted]
    column = torch.arange(old + longest, device=loaded.device)
    first = torch.tensor(pads, device=loaded.device)[:, None]
    ends = torch.tensor([old + len(context) for _, context in wanted], device=loaded.device)
    step = Step(
        patches=patches(
            [batch.lanes[lane].additions for lane, _ in wanted],
            [pad - old for pad in pads],
            longest,
            devices=loaded.devices,
        )
    )
    logits = forward(
        loaded,
        torch.tensor(rows, device=loaded.device),
        step,
        mask=((column >= first) & (column < ends[:, None])).long(),
        positions=column[old:] - first,
        cache=cache,
        keep=0,
    )
    note_survival(step, [batch.lanes[lane].rows for lane, _ in wanted])
    return torch.log_softmax(logits, dim=-1)


def _probabilities(
    choices: Sequence[Tokens], first: torch.Tensor, after: dict[Tokens, torch.Tensor]
) -> tuple[float, ...]:
    """Exclusive probabilities from the first token's log-probabilities [vocabulary] and those
    after each context [tokens, vocabulary]."""
    begins = []
    for choice in choices:
        total = float(first[choice[0]])
        if len(choice) > 1:
            table = next(rows for context, rows in after.items() if _begins(choice[:-1], context))
            total += sum(float(table[at, token]) for at, token in enumerate(choice[1:]))
        begins.append(float(torch.exp(torch.tensor(total, dtype=torch.float64))))
    return _exclusive(choices, begins)


def _parts(sizes: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Consecutive [start, end) of `sizes` whose sum stays within `most` (at least one each)."""
    parts, start = [], 0
    totals = [0, *accumulate(sizes)]
    for end in range(1, len(sizes) + 1):
        if end == len(sizes) or totals[end + 1] - totals[start] > most:
            parts.append((start, end))
            start = end
    return parts


def score(loaded: Loaded, batch: Batch, *, most: int = 64, late: bool = True) -> list[Scored]:
    """Answer every row of `batch` from one pass over its prompts.

    Choices of several tokens take a second, short pass over their tokens, at most `most`
    sequences at a time.
    """
    contexts = [
        sorted({c for row in lane.rows for c in _contexts(row.choices or ())})
        for lane in batch.lanes
    ]
    longer = any(contexts)
    done = prefill(loaded, batch, keep_cache=longer, late=late)
    asked = any(row.choices is not None for row in batch.rows)
    first = torch.log_softmax(done.logits, dim=-1) if asked else done.logits
    after: list[dict[Tokens, torch.Tensor]] = [{} for _ in batch.lanes]
    if longer:
        for start, end in _parts([len(own) for own in contexts], most):
            wanted = [(lane, c) for lane in range(start, end) for c in contexts[lane]]
            if wanted:
                tables = _continue(loaded, batch, done, wanted)
                for (lane, context), table in zip(wanted, tables, strict=True):
                    after[lane][context] = table
    return [
        Scored(
            row,
            done.logits[index],
            None
            if row.choices is None
            else _probabilities(row.choices, first[index], after[index]),
        )
        for index, lane in enumerate(batch.lanes)
        for row in lane.rows
    ]
