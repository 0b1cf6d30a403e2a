"""Time of the whole reliability table of 100 000 ratings, bootstrap included, by shape of design.

Peers, on one table of 200 items × 4 repeats: ICC(1,1) with a bootstrap of 1 000 resamples over
items by `scipy.stats.bootstrap` on an index array, and the six forms with F intervals by
`pingouin.intraclass_corr`.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m benchmarks.reliability
"""

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np
import polars as pl
from scipy import stats

from harness.stats.intervals import Bootstrap, FloatArray
from harness.stats.ratings.icc import icc, icc_1_1
from harness.stats.ratings.reliability import reliability_table

RECORDS = 100_000
LIMIT = 10.0
SHAPES = ((125, 200, 4), (500, 50, 4), (1, 25_000, 4), (5, 1_000, 20), (1, 1_000, 100))
"""Groups, items, repeats."""


def ratings(rng: np.random.Generator, items: int, repeats: int) -> FloatArray:
    latent = rng.normal(3, 1.2, size=(items, 1)) + 0.7 * rng.normal(size=(items, repeats))
    return np.clip(np.round(latent), 1, 5)


def records(groups: int, items: int, repeats: int) -> pl.DataFrame:
    """Records of `groups` templates, one in twenty of them refused."""
    rng = np.random.default_rng(0)
    size = items * repeats
    return pl.concat(
        [
            pl.DataFrame(
                {
                    "kind": "rating",
                    "rater": "sim/faithful",
                    "template": f"template_{group:03d}",
                    "template_hash": f"{group:016x}",
                    "item": np.repeat([f"item_{i:05d}" for i in range(items)], repeats),
                    "origin": np.repeat([f"origin_{i % 5}" for i in range(items)], repeats),
                    "repeat": np.tile(np.arange(repeats), items),
                    "outcome": np.where(rng.random(size) < 0.05, "refused", "answered"),
                    "value": ratings(rng, items, repeats).ravel(),
                }
            )
            for group in range(groups)
        ]
    )


def seconds(action: Callable[[], object], *, times: int = 1) -> float:
    """Shortest wall time of `times` runs."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        found.append(time.perf_counter() - start)
    return min(found)


def scipy_icc(x: FloatArray) -> object:
    """The peer: scipy's bootstrap over items."""

    def statistic(index: np.ndarray) -> float:
        rows = x[index]
        k = rows.shape[1]
        between = k * rows.mean(axis=1).var(ddof=1)
        within = rows.var(axis=1, ddof=1).mean()
        return float((between - within) / (between + (k - 1) * within))

    index = np.arange(len(x))
    return stats.bootstrap(
        (index,), statistic, n_resamples=1000, vectorized=False, rng=np.random.default_rng(0)
    )


def peers() -> None:
    x = ratings(np.random.default_rng(1), 200, 4)
    ours = seconds(lambda: icc_1_1(x, bootstrap=Bootstrap()), times=5)
    theirs = seconds(lambda: scipy_icc(x), times=3)
    print(f"ICC(1,1), 1 000 resamples: {ours * 1e3:.1f} ms; scipy.stats.bootstrap "
          f"{theirs * 1e3:.0f} ms: {theirs / ours:.0f} × faster")  # fmt: skip
    try:
        import pandas
        import pingouin
    except ImportError:
        print("pingouin is not installed: no comparison with it")
        return
    long = pandas.DataFrame({"item": np.repeat(np.arange(200), 4),
                             "seed": np.tile(np.arange(4), 200), "value": x.ravel()})  # fmt: skip
    call = {"targets": "item", "raters": "seed", "ratings": "value"}
    ours = seconds(lambda: icc(x), times=5)
    theirs = seconds(lambda: pingouin.intraclass_corr(long, **call), times=3)
    print(f"six forms, F intervals: {ours * 1e3:.2f} ms; pingouin.intraclass_corr "
          f"{theirs * 1e3:.0f} ms: {theirs / ours:.0f} × faster")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--share", type=int, default=1, help="a table of 1/SHARE of the groups' items"
    )
    share = parser.parse_args().share
    reliability_table(records(1, 50, 4), bootstrap=Bootstrap(), levels=range(1, 6))  # warm-up
    print(f"whole table of {RECORDS:,} ratings, 1 000 resamples; wanted under {LIMIT:g} s")
    for groups, whole, repeats in SHAPES:
        items = max(2, whole // share)
        table = records(groups, items, repeats)
        assert share > 1 or len(table) == RECORDS
        cpu = time.process_time()
        wall = seconds(
            lambda table=table: reliability_table(table, bootstrap=Bootstrap(), levels=range(1, 6))
        )
        cpu = time.process_time() - cpu
        print(f"{groups:4d} groups × {items:6,d} items × {repeats:3d} repeats: "
              f"{wall:5.2f} s wall, {cpu:5.2f} s CPU")  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MB")
    peers()


if __name__ == "__main__":
    main()
