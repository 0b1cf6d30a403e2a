"""Effects of conditions on ratings, always paired by item."""

import math
from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
import polars as pl

from harness.errors import UsageError
from harness.records.pooling import require_one, require_one_text
from harness.stats.effects.permutation import mean_test
from harness.stats.effects.wordings import mean_over_wordings, over_wordings
from harness.stats.intervals import (
    Estimate,
    FloatArray,
    Tested,
    clustered_rate,
)
from harness.stats.ratings.matrix import (
    Ratings,
    item_means,
    matched,
    matched_matrices,
    rating_matrix,
)

__all__ = [
    "asymmetry",
    "condition_asymmetry",
    "condition_effects",
    "higher_than_neutral",
    "holm",
    "paired_delta",
]


def paired_delta(condition: FloatArray, neutral: FloatArray, *, confidence: float = 0.95) -> Tested:
    """Mean over items of (mean rating in the condition − mean rating in neutral).

    Both are (items × repeats), rows in one order. p and interval of the mean by sign flips over
    items (`harness.stats.effects.permutation`): both are about the mean, however skewed the
    differences, and exact for symmetric ones.
    """
    difference = item_means(condition) - item_means(neutral)
    return mean_test(difference, confidence=confidence)


def higher_than_neutral(
    condition: FloatArray, neutral: FloatArray, *, confidence: float = 0.95
) -> dict[str, Estimate]:
    """P(higher), P(same), P(lower) than neutral, with a sign test.

    Column k of `condition` is set against column k of `neutral` (items × repeats each); each
    item's shares over its matched repeats are averaged over items. Items without a matched
    repeat are counted in `undefined`. `sign` is P(higher) − P(lower) over items, with
    p and interval by sign flips over items, to which items that stay add nothing.
    """
    with np.errstate(invalid="ignore"):
        gap = condition - neutral
    matched = np.isfinite(gap).sum(axis=1).astype(float)
    used = matched > 0
    missing = int((~used).sum())
    shares = {
        "higher": (gap > 1e-9).sum(axis=1),
        "same": (np.abs(gap) <= 1e-9).sum(axis=1),
        "lower": (gap < -1e-9).sum(axis=1),
    }
    by_item = {name: counts[used] / matched[used] for name, counts in shares.items()}
    found: dict[str, Estimate] = {
        name: msgspec.structs.replace(_mean_share(share, confidence), undefined=missing)
        for name, share in by_item.items()
    }
    net = by_item["higher"] - by_item["lower"]
    sign = mean_test(net, confidence=confidence)
    found["sign"] = msgspec.structs.replace(sign, undefined=sign.undefined + missing)
    return found


def _mean_share(share: FloatArray, confidence: float) -> Estimate:
    """Mean of one share an item, in a Wilson interval at the items' own spread."""
    return clustered_rate(share, np.ones(len(share)), confidence=confidence)


def asymmetry(
    plus: FloatArray, minus: FloatArray, neutral: FloatArray, *, confidence: float = 0.95
) -> Tested:
    """Δ⁺ + Δ⁻, paired by item: 0 when the ± conditions move ratings equally far.

    All three are (items × repeats). Below 0 the negative condition moves them further.
    """
    return mean_test(_asymmetries(plus, minus, neutral), confidence=confidence)


def _asymmetries(plus: FloatArray, minus: FloatArray, neutral: FloatArray) -> FloatArray:
    """(items,) Δ⁺ + Δ⁻."""
    base = item_means(neutral)
    return (item_means(plus) - base) + (item_means(minus) - base)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's step-down adjusted p-values; NaN stay NaN and count for nothing."""
    known = sorted((p, name) for name, p in p_values.items() if math.isfinite(p))
    adjusted = dict.fromkeys(p_values, math.nan)
    highest = 0.0
    for i, (p, name) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - i) * p))
        adjusted[name] = highest
    return adjusted


def condition_effects(
    frame: pl.DataFrame,
    *,
    factor: str,
    neutral: str,
    column: str = "value",
    by: Sequence[str] = (),
    confidence: float = 0.95,
) -> pl.DataFrame:
    """Every condition of `factor` against `neutral`, within each value of `by`.

    Long table: `by`, condition, quantity (delta, higher, same, lower, sign), estimate, low,
    high, n, undefined, p, p_holm (adjusted over the conditions and values of `by`, for each
    test), test, note. Where the records have several wordings, every quantity is a mean over items
    and wordings (see `harness.stats.effects.wordings`), of the wordings that both conditions have.
    Any other identity column that varies is refused.
    """
    require_one_text(frame)
    rows: list[dict[str, object]] = []
    parts = frame.partition_by(by, as_dict=True) if by else {(): frame}
    for key in sorted(parts, key=str):
        place = dict(zip(by, key, strict=True))
        where = ", ".join(f"{name}={value}" for name, value in place.items())
        require_one(parts[key], factors=(*by, factor, "wording"), where=where)
        split = {str(name[0]): part for name, part in parts[key].partition_by(
            factor, as_dict=True).items()}  # fmt: skip
        if neutral not in split:
            raise UsageError(
                f"no records with {factor} {neutral!r}{' in ' + where if where else ''}; "
                f"found {', '.join(sorted(split))}"
            )
        for name in sorted(split.keys() - {neutral}):
            effects = _compared(split[name], split[neutral], column, confidence)
            rows += [
                place | {"condition": name, "quantity": quantity} | _columns(value)
                for quantity, value in effects.items()
            ]
    return _with_holm(rows)


def condition_asymmetry(
    frame: pl.DataFrame,
    *,
    factor: str,
    pairs: Mapping[str, tuple[str, str]],
    neutral: str,
    column: str = "value",
    confidence: float = 0.95,
) -> pl.DataFrame:
    """Δ⁺ + Δ⁻ of each ± pair of conditions: `pairs` maps a name to (positive, negative).

    Columns: condition (the name), estimate, low, high, n, undefined, p, p_holm, test, note. Over
    items and wordings where there are several wordings, of those that all three conditions have.
    Any other identity column that varies is refused, as is a condition without records.
    """
    require_one(frame, factors=(factor, "wording"), where=f"asymmetry over {factor}")
    rows: list[dict[str, object]] = []
    for name, (positive, negative) in pairs.items():
        parts = []
        for condition in (positive, negative, neutral):
            part = frame.filter(pl.col(factor) == condition)
            if len(part) == 0:
                raise UsageError(f"no records with {factor} {condition!r}")
            parts.append(part)
        cells = over_wordings(parts, {"asymmetry": _asymmetries}, column=column)
        if cells is None:
            _, (plus, minus, base) = matched_matrices(parts, column=column)
            found = asymmetry(plus, minus, base, confidence=confidence)
        else:
            found = mean_over_wordings(cells["asymmetry"], confidence=confidence)
        rows.append({"condition": name, "quantity": "asymmetry"} | _columns(found))
    return _with_holm(rows).drop("quantity")


def _compared(
    condition: pl.DataFrame, neutral: pl.DataFrame, column: str, confidence: float
) -> dict[str, Estimate]:
    """Over items, or over items and wordings where there are several."""
    cells = over_wordings((condition, neutral), _OF_CELL, column=column)
    if cells is not None:
        return {
            quantity: mean_over_wordings(values, confidence=confidence)
            for quantity, values in cells.items()
        }
    return _against(
        rating_matrix(condition, column=column),
        rating_matrix(neutral, column=column),
        confidence,
    )


def _net(rated: FloatArray, base: FloatArray, *signs: int) -> FloatArray:
    """(items,) share of matched repeats whose gap has one of `signs`; both, their difference."""
    gap = np.where(np.abs(rated - base) <= 1e-9, 0.0, np.sign(rated - base))
    hit = sum(np.where(gap == sign, float(sign or 1) if len(signs) > 1 else 1.0, 0.0)
              for sign in signs)  # fmt: skip
    return item_means(np.where(np.isfinite(gap), hit, np.nan))


_OF_CELL: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "delta": lambda rated, base: item_means(rated) - item_means(base),
    "higher": lambda rated, base: _net(rated, base, 1),
    "same": lambda rated, base: _net(rated, base, 0),
    "lower": lambda rated, base: _net(rated, base, -1),
    "sign": lambda rated, base: _net(rated, base, 1, -1),
}


def _against(condition: Ratings, neutral: Ratings, confidence: float) -> dict[str, Estimate]:
    _, (one, zero) = matched([condition, neutral])
    return {
        "delta": paired_delta(one, zero, confidence=confidence),
        **higher_than_neutral(one, zero, confidence=confidence),
    }


def _columns(value: Estimate) -> dict[str, object]:
    columns: dict[str, object] = {
        name: getattr(value, name) for name in ("estimate", "low", "high", "n", "undefined", "note")
    }
    if isinstance(value, Tested):
        return columns | {"p": value.p, "test": value.test}
    return columns | {"p": math.nan, "test": ""}


def _with_holm(rows: list[dict[str, object]]) -> pl.DataFrame:
    for quantity in ("delta", "sign", "asymmetry"):
        tests = {
            str(i): float(str(row["p"]))
            for i, row in enumerate(rows)
            if row["quantity"] == quantity
        }
        for i, adjusted in holm(tests).items():
            rows[int(i)]["p_holm"] = adjusted
    table = pl.DataFrame([{"p_holm": math.nan} | row for row in rows], infer_schema_length=None)
    return table.select(*(name for name in table.columns if name != "p_holm"), "p_holm")
