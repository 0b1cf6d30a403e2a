"""Held-out negative log-likelihood and accuracy, split by unordered pair.

Both orders and all repeats of a pair are on the same side of the split. Where some pairs were drawn
at random and the others chosen by what was already known, only random ones are held out: chosen
pairs are close ones, and would make any model look bad.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.stats.thurstone.comparisons import Comparisons, FloatArray
from harness.stats.thurstone.fit import Fit, Options, fit
from harness.stats.thurstone.links import LINKS
from harness.stats.thurstone.precision import Design

__all__ = ["Heldout", "held_out", "predict", "score", "split"]


@dataclass(frozen=True)
class Heldout:
    """Mean −log P of what was answered (nats; .693 is a coin's), the share of answers on the side
    the model favours, and the number of comparisons held out."""

    nll: float
    accuracy: float
    comparisons: float


def split(
    data: Comparisons,
    *,
    rng: np.random.Generator,
    fraction: float = 0.1,
    eligible: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.bool_]:
    """(m,) which rows are held out: `fraction` of the unordered pairs, from the `eligible` rows'
    pairs where given (at most half of those)."""
    keys, index = data.pair_index()
    pool = np.arange(len(keys)) if eligible is None else np.unique(index[eligible])
    wanted = min(max(1, round(fraction * len(keys))), max(1, len(pool) // 2))
    chosen = rng.choice(pool, size=min(wanted, len(pool)), replace=False)
    return np.asarray(np.isin(index, chosen))


def predict(fitted: Fit, data: Comparisons) -> FloatArray:
    """(m,) P(first) of each row of `data` at the fitted utilities."""
    link = LINKS[fitted.options.link]
    design = Design(data, position=bool(len(fitted.effects)), scale=link.scale)
    return link.probability(design.linear(np.r_[fitted.utilities, fitted.effects]))


def score(p: FloatArray, data: Comparisons) -> Heldout:
    """Score probabilities (m,) against the answers."""
    p = np.clip(p, 1e-12, 1 - 1e-12)
    total = data.total
    nll = -(data.wins @ np.log(p) + data.losses @ np.log1p(-p)) / total
    half = 0.5 * (data.wins + data.losses)
    right = np.where(p > 0.5, data.wins, np.where(p < 0.5, data.losses, half))
    return Heldout(float(nll), float(right.sum() / total), total)


def held_out(
    data: Comparisons,
    options: Options | None = None,
    *,
    rng: np.random.Generator,
    fraction: float = 0.1,
    eligible: npt.NDArray[np.bool_] | None = None,
) -> Heldout | None:
    """Fit without the held-out pairs and score them; None where there are too few to split."""
    rows = split(data, rng=rng, fraction=fraction, eligible=eligible)
    train, test = data.rows(~rows), data.rows(rows)
    if train.total <= 0 or test.total <= 0:
        return None
    return score(predict(fit(train, options), test), test)
