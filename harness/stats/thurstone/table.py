"""A fit as a table of utilities and as a summary object."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import norm

from harness.errors import UsageError
from harness.stats.thurstone.comparisons import FloatArray, sums
from harness.stats.thurstone.fit import Fit

__all__ = ["COLUMNS", "group_means", "position_effects", "utilities"]

COLUMNS = (
    "item",
    "utility",
    "se",
    "low",
    "high",
    "sigma",
    "rank",
    "rank_low",
    "rank_high",
    "comparisons",
)


def utilities(
    fit: Fit, *, rng: np.random.Generator, reference: str | None = None, level: float = 0.95
) -> pl.DataFrame:
    """One row an item, best first, columns `COLUMNS`.

    `utility` has mean 0 over items; with `reference`, it is the contrast to that item, and `se`,
    `low`, `high` are the contrast's. Rank 1 is the most preferred; `rank_low` to `rank_high` is
    the interval of the rank over draws of the posterior. `sigma` is response noise, not an error
    of the utility.
    """
    utility = fit.utilities
    if reference is None:
        se = np.sqrt(fit.posterior.variances(rng))
    else:
        if reference not in fit.data.items:
            raise UsageError(f"no item {reference!r} to refer to among {len(utility)} items")
        at = fit.data.items.index(reference)
        se = fit.posterior.reference_se(at, rng)
        utility = utility - utility[at]
    z = float(norm.ppf(0.5 + level / 2))
    low_rank, high_rank = _rank_interval(fit, rng, level)
    rank = _ranks(utility)
    table = pl.DataFrame(
        {
            "item": fit.data.items,
            "utility": utility,
            "se": se,
            "low": utility - z * se,
            "high": utility + z * se,
            "sigma": fit.sigma if len(fit.sigma) else np.ones(len(utility)),
            "rank": rank,
            "rank_low": np.minimum(low_rank, rank),
            "rank_high": np.maximum(high_rank, rank),
            "comparisons": fit.data.per_item(),
        }
    )
    if np.allclose(table["comparisons"].to_numpy() % 1, 0):
        table = table.with_columns(pl.col("comparisons").round().cast(pl.Int64))
    return table.select(COLUMNS).sort("rank", "item")


def _ranks(values: FloatArray) -> np.ndarray[Any, np.dtype[np.int64]]:
    order = np.argsort(-values, kind="stable", axis=0)
    ranks = np.empty_like(order)
    np.put_along_axis(
        ranks, order, np.arange(1, len(values) + 1).reshape(-1, *[1] * (values.ndim - 1)), axis=0
    )
    return ranks.astype(np.int64)


def _rank_interval(
    fit: Fit, rng: np.random.Generator, level: float
) -> tuple[np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, np.dtype[np.int64]]]:
    if fit.posterior.gaussian.covariance is not None:
        # Ten draws lie beyond each end of a 95 % interval of ranks.
        drawn = fit.posterior.draws(400, rng)
    else:
        # With many items the ranks' spread is that of independent margins, far cheaper to draw; and
        # a rank among thousands moves little from draw to draw, so that a hundred do.
        se = np.sqrt(fit.posterior.variances(rng, 16))
        noise = rng.standard_normal((len(se), 100))
        drawn = fit.utilities[:, None] + se[:, None] * noise
    ranks = np.sort(_ranks(drawn), axis=1)
    tail = (1 - level) / 2
    k = ranks.shape[1]
    return ranks[:, int(np.floor(tail * (k - 1)))], ranks[:, int(np.ceil((1 - tail) * (k - 1)))]


def position_effects(fit: Fit, *, level: float = 0.95) -> pl.DataFrame:
    """One row a position group: `group, estimate, se, low, high, comparisons`; empty when off."""
    if not len(fit.effects):
        return pl.DataFrame(
            schema={
                "group": pl.String,
                **dict.fromkeys(("estimate", "se", "low", "high", "comparisons"), pl.Float64),
            }
        )
    z = float(norm.ppf(0.5 + level / 2))
    se = fit.posterior.effect_se()
    counts = sums(fit.data.group, fit.data.wins + fit.data.losses, len(fit.effects))
    return pl.DataFrame(
        {
            "group": fit.data.groups,
            "estimate": fit.effects,
            "se": se,
            "low": fit.effects - z * se,
            "high": fit.effects + z * se,
            "comparisons": counts,
        }
    )


def group_means(fit: Fit, labels: Sequence[str], *, level: float = 0.95) -> pl.DataFrame:
    """Mean utility of the items of each label (say, origin): `group, mean, se, low, high, n`.

    `labels` (n,) one an item. The interval is for these items, not for a population of them.
    """
    names = sorted(set(labels))
    members = np.array([[label == name for label in labels] for name in names], dtype=float)
    sizes = members.sum(axis=1)
    mean, se = fit.posterior.linear(members / sizes[:, None])
    z = float(norm.ppf(0.5 + level / 2))
    return pl.DataFrame(
        {
            "group": names,
            "mean": mean,
            "se": se,
            "low": mean - z * se,
            "high": mean + z * se,
            "n": sizes.astype(int),
        }
    )
