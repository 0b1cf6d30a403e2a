"""Reference norms: what a typical activation measures, and with it what a dose means."""

from collections.abc import Sequence

import torch

from steering_server.vectors.vectors import Norms

__all__ = ["reference_norms"]


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
