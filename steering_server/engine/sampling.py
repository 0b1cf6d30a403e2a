"""Draw a token for each row, by the row's own random numbers.

The draw inverts the cumulative distribution in vocabulary order, so that a difference of 1e-6 in
the logits (another batch) almost never changes the token, and the same seed gives the same text.
"""

from collections.abc import Sequence

import torch

from steering_server.model.work import Sampling, TokenScore

__all__ = ["draw", "finite", "scores"]


def finite(logits: torch.Tensor) -> list[bool]:
    """For logits [rows, vocabulary]: which rows are a distribution (no NaN, no +inf)."""
    top = logits.amax(-1)
    return torch.isfinite(top).tolist()


def _nucleus(probabilities: torch.Tensor, top_p: torch.Tensor) -> torch.Tensor:
    """Zero what is outside the smallest set of tokens that reaches `top_p` [rows]."""
    ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(-1) - ordered
    kept = torch.where(before < top_p[:, None], ordered, 0.0)
    return torch.zeros_like(probabilities).scatter_(-1, order, kept)


def draw(
    logits: torch.Tensor, samplings: Sequence[Sampling], uniforms: Sequence[float]
) -> list[int]:
    """One token a row from logits [rows, vocabulary]; `uniforms` are in [0, 1).

    Rows at temperature 0 take the largest logit, the first of equals.
    """
    tokens: list[int] = logits.argmax(-1).tolist()
    warm = [index for index, sampling in enumerate(samplings) if sampling.temperature > 0]
    if not warm:
        return tokens
    device = logits.device
    kind = torch.float32 if device.type == "mps" else torch.float64

    def column(values: list[float]) -> torch.Tensor:
        return torch.tensor(values, dtype=kind, device=device)

    temperature = column([samplings[index].temperature for index in warm])
    top_p = column([samplings[index].top_p for index in warm])
    uniform = column([uniforms[index] for index in warm])
    rows = logits[torch.tensor(warm, device=device)].to(kind)
    # From the largest down: a logit over a minute temperature would be infinite.
    rows = rows - rows.amax(-1, keepdim=True)
    probabilities = torch.softmax(rows / temperature[:, None], dim=-1)
    if bool((top_p < 1).any()):
        probabilities = _nucleus(probabilities, top_p)
    cumulative = probabilities.cumsum(-1)
    target = uniform * cumulative[:, -1]
    drawn = torch.searchsorted(cumulative, target[:, None], right=True)[:, 0]
    for index, token in zip(warm, drawn.clamp_(max=logits.shape[-1] - 1).tolist(), strict=True):
        tokens[index] = token
    return tokens


def scores(logits: torch.Tensor, tokens: Sequence[int], alternatives: int) -> list[TokenScore]:
    """Log-probabilities at temperature 1 of `tokens`, and of the best `alternatives`, per row."""
    logprobs = torch.log_softmax(logits, dim=-1)
    best = logprobs.topk(alternatives, dim=-1) if alternatives else None
    own = logprobs.gather(-1, torch.tensor(tokens, device=logits.device)[:, None])[:, 0].tolist()
    if best is None:
        return [TokenScore(token, value, ()) for token, value in zip(tokens, own, strict=True)]
    ids, values = best.indices.tolist(), best.values.tolist()
    return [
        TokenScore(token, value, tuple(zip(ids[row], values[row], strict=True)))
        for row, (token, value) in enumerate(zip(tokens, own, strict=True))
    ]
