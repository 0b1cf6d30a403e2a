"""Position and content effects, from pairs asked in both orders."""

import math
from collections.abc import Collection

import msgspec
import numpy as np
import polars as pl
from scipy.special import ndtri

from harness.records.pooling import require_one
from harness.stats.choices.orders import BothOrders, answered_choices, both_orders
from harness.stats.choices.position_effect import position_effect
from harness.stats.intervals import (
    Bootstrap,
    Estimate,
    FloatArray,
    clustered_rate,
    mean_interval,
    undefined,
)

__all__ = [
    "expected_from_position",
    "first_choice_rate",
    "flip_rate",
    "pair_classes",
    "position_by_item",
    "position_by_origin",
    "position_content",
]


def first_choice_rate(
    frame: pl.DataFrame, *, confidence: float = 0.95, factors: Collection[str] = ()
) -> Estimate:
    """Share of answered choices that went to the item shown first; `n` counts unordered pairs.

    A rate of position alone only where the order is balanced; otherwise the note says so.
    """
    require_one(frame, factors=factors, where="the first-choice rate")
    choices = answered_choices(frame)
    pairs = choices.group_by("a", "b", maintain_order=True).agg(
        pl.col("first").sum().alias("first"), pl.len().alias("asked")
    )
    rate = clustered_rate(
        pairs["first"].to_numpy().astype(float),
        pairs["asked"].to_numpy().astype(float),
        confidence=confidence,
    )
    lopsided = _order_imbalance(choices)
    if lopsided > 0.1:
        note = f"order is not balanced (mean imbalance {lopsided:.0%} an item): content mixes in"
        rate = msgspec.structs.replace(rate, note=note)
    return rate


def _order_imbalance(choices: pl.DataFrame) -> float:
    """Mean over items of |times first − times second| / times shown, beyond the odd one."""
    shown = pl.concat(
        [
            choices.select(item="a", first=pl.col("a_first")),
            choices.select(item="b", first=~pl.col("a_first")),
        ]
    )
    counts = shown.group_by("item").agg(pl.col("first").sum(), pl.len().alias("all"))
    off = (2 * counts["first"].cast(pl.Int64) - counts["all"].cast(pl.Int64)).abs() - 1
    total = int(counts["all"].sum())
    return float(off.clip(0).sum()) / total if total else 0.0


def flip_rate(pairs: BothOrders, *, confidence: float = 0.95) -> Estimate:
    """Probability that one answer in each order prefers different items; ½ for coin tosses."""
    first, second = pairs.a_wins_first, pairs.a_wins_second
    flips = first * (1 - second) + (1 - first) * second
    return clustered_rate(flips, np.ones(len(pairs)), confidence=confidence)


def pair_classes(
    pairs: BothOrders, *, margin: float = 0.0, confidence: float = 0.95
) -> tuple[pl.DataFrame, dict[str, Estimate]]:
    """Each pair's class, and the share of each class.

    An item is preferred in an order when its win rate there is above ½ + `margin`.
    `robust`: the same item in both orders; `indifferent`: neither item in either order;
    `fragile`: all else (the preference turns round or goes away when the order is swapped).
    With one answer an order nothing is indifferent. The table has a, b, origin_a, origin_b,
    a_wins_first, a_wins_second, answers, class.
    """
    first, second = pairs.a_wins_first - 0.5, pairs.a_wins_second - 0.5
    lean_first = np.sign(first) * (np.abs(first) > margin + 1e-9)
    lean_second = np.sign(second) * (np.abs(second) > margin + 1e-9)
    names = np.full(len(pairs), "fragile", dtype="U12")
    names[(lean_first == lean_second) & (lean_first != 0)] = "robust"
    names[(lean_first == 0) & (lean_second == 0)] = "indifferent"
    table = pl.DataFrame(
        {
            "a": pairs.a,
            "b": pairs.b,
            "origin_a": pairs.origin_a,
            "origin_b": pairs.origin_b,
            "a_wins_first": pairs.a_wins_first,
            "a_wins_second": pairs.a_wins_second,
            "answers": (pairs.asked_a + pairs.asked_b).astype(int),
            "class": names,
        }
    )
    one_each = np.ones(len(pairs))
    return table, {
        name: clustered_rate((names == name).astype(float), one_each, confidence=confidence)
        for name in ("robust", "fragile", "indifferent")
    }


def position_content(
    frame: pl.DataFrame, *, bootstrap: Bootstrap, factors: Collection[str] = ()
) -> dict[str, Estimate]:
    """Position and content of one group of choice records, over pairs asked in both orders.

    Keys: `first_choice_rate` (of all answered choices), `position` ((p₁ − p₂)/2, p the win
    rate of an item in first and second place), `position_effect` and `content_sd` (the probit
    scale in units of σ; see `position_effect`), `flip_rate`, `robust`, `fragile`,
    `indifferent`. `undefined` counts pairs answered in one order only. Records may differ in the
    columns `factors`, over which a run spread its pairs.
    """
    require_one(frame, factors=factors, where="position and content")
    pairs = both_orders(frame)
    found = {
        "first_choice_rate": first_choice_rate(
            frame, confidence=bootstrap.confidence, factors=factors
        )
    }
    position = (pairs.a_wins_first - pairs.a_wins_second) / 2
    found["position"] = mean_interval(position, confidence=bootstrap.confidence)
    probit = position_effect(pairs, confidence=bootstrap.confidence)
    found |= {"position_effect": probit.position, "content_sd": probit.content_sd}
    found["flip_rate"] = flip_rate(pairs, confidence=bootstrap.confidence)
    found |= pair_classes(pairs, confidence=bootstrap.confidence)[1]
    for name in found.keys() - {"first_choice_rate"}:
        found[name] = msgspec.structs.replace(found[name], undefined=pairs.dropped)
    return found


def position_by_origin(frame: pl.DataFrame, *, bootstrap: Bootstrap) -> pl.DataFrame:
    """Position and content effect of each unordered origin pair, raw and on the probit scale.

    Content is that of `origin_1` against `origin_2` (NaN within one origin, where it is 0 by
    definition). Long table: origin_1, origin_2, quantity (position, content, position_effect,
    content_effect), estimate, low, high, n (pairs), note.
    """
    require_one(frame, where="position by origin pair")
    pairs = both_orders(frame)
    swap = np.array([x > y for x, y in zip(pairs.origin_a, pairs.origin_b, strict=True)], bool)
    one = np.where(swap, pairs.origin_b, pairs.origin_a)
    two = np.where(swap, pairs.origin_a, pairs.origin_b)
    position = (pairs.a_wins_first - pairs.a_wins_second) / 2
    content = (pairs.a_wins_first + pairs.a_wins_second - 1) / 2 * np.where(swap, -1, 1)
    rows: list[dict[str, object]] = []
    for key in sorted(set(zip(one.tolist(), two.tolist(), strict=True))):
        inside = (one == key[0]) & (two == key[1])
        same = key[0] == key[1]
        probit = position_effect(
            _oriented(pairs, inside, swap),
            directed=not same,
            spread=False,
            confidence=bootstrap.confidence,
        )
        within = undefined("within one origin content is 0 by definition", n=int(inside.sum()))
        found = {
            "position": mean_interval(position[inside], confidence=bootstrap.confidence),
            "content": within
            if same
            else mean_interval(content[inside], confidence=bootstrap.confidence),
            "position_effect": probit.position,
            "content_effect": within if same else probit.content,
        }
        rows += [
            {"origin_1": key[0], "origin_2": key[1], "quantity": name} | _columns(value)
            for name, value in found.items()
        ]
    return pl.DataFrame(rows, infer_schema_length=None)


def _oriented(pairs: BothOrders, keep: FloatArray, swap: FloatArray) -> BothOrders:
    """The kept pairs, turned so that a is of the origin that sorts first."""
    at = np.flatnonzero(keep)
    turn = swap[at]
    names = {
        name: tuple(
            (getattr(pairs, other) if swap[i] else getattr(pairs, name))[i] for i in at.tolist()
        )
        for name, other in (("a", "b"), ("b", "a"), ("origin_a", "origin_b"),
                            ("origin_b", "origin_a"))
    }  # fmt: skip
    return BothOrders(
        **names,
        first_a=np.where(turn, pairs.first_b[at], pairs.first_a[at]),
        asked_a=np.where(turn, pairs.asked_b[at], pairs.asked_a[at]),
        first_b=np.where(turn, pairs.first_a[at], pairs.first_b[at]),
        asked_b=np.where(turn, pairs.asked_a[at], pairs.asked_b[at]),
        dropped=0,
    )


def position_by_item(frame: pl.DataFrame) -> pl.DataFrame:
    """Each item's win rates in first and second place over pairs asked in both orders.

    Columns: item, origin, pairs, p_first, p_second, position = (p₁ − p₂)/2 and content =
    (p₁ + p₂)/2 − ½ with their standard error `se` (binomial, from rates (w + ½)/(n + 1)), and
    position_probit, content_probit from Φ⁻¹ of those rates (× √2: in units of σ).
    """
    require_one(frame, where="position by item")
    pairs = both_orders(frame)
    sides = [
        (pairs.a, pairs.origin_a, pairs.first_a, pairs.asked_a,
         pairs.asked_b - pairs.first_b, pairs.asked_b),
        (pairs.b, pairs.origin_b, pairs.first_b, pairs.asked_b,
         pairs.asked_a - pairs.first_a, pairs.asked_a),
    ]  # fmt: skip
    names = ("item", "origin", "w1", "n1", "w2", "n2")
    long = pl.concat([pl.DataFrame(dict(zip(names, side, strict=True))) for side in sides])
    table = (
        long.group_by("item")
        .agg(
            pl.col("origin").first(),
            pl.len().alias("pairs"),
            pl.col("w1", "n1", "w2", "n2").sum(),
        )
        .sort("item")
    )
    w1, n1, w2, n2 = (table[name].to_numpy().astype(float) for name in names[2:])
    p1, p2, s1, s2 = w1 / n1, w2 / n2, (w1 + 0.5) / (n1 + 1), (w2 + 0.5) / (n2 + 1)
    z1, z2 = ndtri(s1) * math.sqrt(2), ndtri(s2) * math.sqrt(2)
    return table.select("item", "origin", "pairs").with_columns(
        p_first=p1,
        p_second=p2,
        position=(p1 - p2) / 2,
        content=(p1 + p2) / 2 - 0.5,
        se=np.sqrt(s1 * (1 - s1) / n1 + s2 * (1 - s2) / n2) / 2,
        position_probit=(z1 - z2) / 2,
        content_probit=(z1 + z2) / 2,
    )


def expected_from_position(frame: pl.DataFrame, *, by: str = "origin") -> pl.DataFrame:
    """Win rates beside what the position mix alone would give.

    `by` is `origin` (comparisons within one origin left out) or `item`. `expected` replaces
    each comparison's result by the overall first-choice rate when the item was shown first, and
    by one minus it otherwise. Columns: `by`, rate, low, high, n (pairs), shown_first, expected.
    """
    require_one(frame, where="win rates")
    choices = answered_choices(frame)
    if len(choices) == 0:
        return pl.DataFrame(schema={by: pl.String, "rate": pl.Float64})
    overall = float(choices["first"].to_numpy().mean())
    sides = [
        choices.select(
            unit=pl.col("a") + "\x1f" + pl.col("b"),
            group=(pl.col(f"origin_{side}") if by == "origin" else pl.col(side)),
            other=(pl.col(f"origin_{rival}") if by == "origin" else pl.col(rival)),
            shown=(pl.col("a_first") if side == "a" else ~pl.col("a_first")),
            first=pl.col("first"),
        )
        for side, rival in (("a", "b"), ("b", "a"))
    ]
    long = pl.concat(sides).filter(pl.col("group") != pl.col("other"))
    won = pl.when("shown").then(pl.col("first")).otherwise(1 - pl.col("first"))
    long = long.with_columns(won.alias("won"))
    rows: list[dict[str, object]] = []
    for (group,), part in sorted(long.partition_by("group", as_dict=True).items(), key=str):
        clusters = part.group_by("unit").agg(pl.col("won").sum(), pl.len().alias("asked"))
        rate = clustered_rate(
            clusters["won"].to_numpy().astype(float), clusters["asked"].to_numpy().astype(float)
        )
        share = float(part["shown"].to_numpy().mean())
        rows.append(
            {by: group, "rate": rate.estimate, "low": rate.low, "high": rate.high, "n": rate.n}
            | {"shown_first": share, "expected": share * overall + (1 - share) * (1 - overall)}
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def _columns(value: Estimate) -> dict[str, object]:
    return {"estimate": value.estimate, "low": value.low, "high": value.high} | {
        "n": value.n,
        "note": value.note,
    }
