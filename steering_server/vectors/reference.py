"""Reference norms: what a typical activation measures, and with it what a dose means."""

from collections.abc import Sequence

import torch

from steering_server.vectors.vectors import Norms

__all__ = ["norm_errors", "reference_norms"]


def reference_norms(
    norms: torch.Tensor, first: torch.Tensor, last: torch.Tensor, layers: Sequence[int]
) -> Norms:
    """Kinds of reference norm by layer, from `norms` [layers, tokens] and which tokens open and
    close a conversation."""
    kinds = {
        "mean_without_sink": norms[:, ~first].mean(1),
        "median": norms.median(1).values,
        "last": norms[:, last].mean(1),
        "mean_all": norms.mean(1),
    }
    return {kind: dict(zip(layers, values.tolist(), strict=True)) for kind, values in kinds.items()}


def norm_errors(norms: torch.Tensor, first: torch.Tensor, layers: Sequence[int]) -> Norms:
    """Standard errors of `mean_without_sink` and `mean_all` by layer, over conversations: tokens of
    one are alike. By linearisation of the ratio of sums; NaN below two conversations."""
    of = first.cumsum(0) - 1
    kinds = {}
    for kind, used in (("mean_without_sink", ~first), ("mean_all", torch.ones_like(first))):
        count = torch.zeros(int(first.sum())).index_add_(0, of[used], torch.ones(int(used.sum())))
        total = torch.zeros(len(norms), len(count)).index_add_(1, of[used], norms[:, used])
        mean = total.sum(1, keepdim=True) / count.sum()
        away = ((total - mean * count) ** 2).sum(1)
        clusters = len(count)
        error = away * (clusters / (clusters - 1) if clusters > 1 else float("nan"))
        kinds[kind] = dict(zip(layers, (error**0.5 / count.sum()).tolist(), strict=True))
    return kinds
