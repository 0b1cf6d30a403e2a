"""How a campaign converged: the fit after each batch, refitted from the records themselves."""

import numpy as np
import polars as pl

from harness.stats.choices.questions import build, questions_from_records
from harness.stats.thurstone.fit import Fit, fit
from harness.stats.thurstone.graph import bottleneck
from harness.stats.thurstone.ranking import parts_known, rho_band, spearman

__all__ = ["CONVERGENCE", "convergence"]

CONVERGENCE = {
    "comparisons": pl.Float64,
    "rho": pl.Float64,
    "rho_low": pl.Float64,
    "rho_high": pl.Float64,
    "successive": pl.Float64,
    "effect": pl.Float64,
    "effect_low": pl.Float64,
    "effect_high": pl.Float64,
}
"""Columns of the table, one row a batch."""

_BATCH = r"^(?:initial|reserve|selected|optout)-(\d+) "
"""How a campaign names its samples; see `harness.adaptive.plan.sample_prefix`."""
_DRAWS = 256


def convergence(frame: pl.DataFrame, *, seed: int = 0, most: int = 12) -> pl.DataFrame:
    """The rank correlation to expect with the truth and the position effect after each batch of
    one campaign, with 95 % intervals from the posterior; at most `most` batches, the last included.

    The expected correlation is None where few comparisons tie parts of the items together.
    `successive` is the rank correlation with the fit of the row before. No rows where the records
    are not a campaign's.
    """
    choices = frame.filter(pl.col("kind") == "choice").with_columns(
        batch=pl.col("sample_id").str.extract(_BATCH, 1).cast(pl.Int64)
    )
    if not choices.height or choices["batch"].null_count():
        return pl.DataFrame(schema=CONVERGENCE)
    batches = choices["batch"].unique().sort().to_list()
    kept = sorted({round(at) for at in np.linspace(0, len(batches) - 1, min(most, len(batches)))})
    answered = choices.filter(pl.col("outcome") == "answered")
    items = sorted({*answered["item_first"].unique(), *answered["item_second"].unique()})
    rows: list[dict[str, float | None]] = []
    before: Fit | None = None
    for at in kept:
        part = questions_from_records(choices.filter(pl.col("batch") <= batches[at]))
        data = build(part, items=items)
        if data.total <= 0:
            continue
        fitted = fit(data, start=before)
        rows.append(_row(fitted, before, seed))
        before = fitted
    return pl.DataFrame(rows, schema=CONVERGENCE)


def _row(fitted: Fit, before: Fit | None, seed: int) -> dict[str, float | None]:
    drawn = fitted.posterior.draws(_DRAWS, np.random.default_rng(seed))
    known = parts_known(fitted, bottleneck(fitted.data))
    band = rho_band(fitted.utilities, drawn) if known else (None, None, None)
    effect = float(fitted.effects[0])
    half = 1.959964 * float(fitted.posterior.effect_se()[0])
    return {
        "comparisons": fitted.data.total,
        **dict(zip(("rho", "rho_low", "rho_high"), band, strict=True)),
        "successive": None if before is None else spearman(fitted.utilities, before.utilities),
        "effect": effect,
        "effect_low": effect - half,
        "effect_high": effect + half,
    }
