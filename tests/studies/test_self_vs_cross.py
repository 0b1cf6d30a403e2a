"""Self against cross compares like with like."""

import polars as pl
import pytest

from harness.errors import UsageError
from harness.records.record import Record, frame
from harness.stats.intervals import Bootstrap
from harness.studies.catalogue import get_study
from harness.studies.parameters import read_parameters
from harness.studies.study import Given

MODELS = ("sim/faithful", "sim/noisy", "sim/contrarian")


def ratings(items: dict[tuple[str, str], int]) -> pl.DataFrame:
    """Ratings of 12 items in every cell but for those of `items`, which have so many."""
    return frame(
        [
            Record(
                kind="rating", template="anchored_1_5", template_hash="h", prompt_hash="p",
                timing="post", response="plain", readout="sample", labels="1,2,3,4,5",
                rater=rater, completer=completer, outcome="answered", item=f"item {number}",
                origin="math", value=float(1 + number % 5), normalised=number % 5 / 4,
                repeat=repeat, log=f"{rater} {completer}",
            )
            for rater in MODELS
            for completer in MODELS
            for number in range(items.get((rater, completer), 12))
            for repeat in range(2)
        ]
    )  # fmt: skip


def test_cells_over_different_items_are_refused() -> None:
    """Easier items of one's own would pass for a liking of the self: nothing is compared."""
    study = get_study("self-vs-cross")
    parameters = read_parameters(study, {"raters": MODELS})
    quick = Bootstrap(resamples=50)
    found = study.analyse(Given(ratings({}), parameters, quick))
    assert "self less cross 0.00" in found.sentences[0]
    with pytest.raises(UsageError, match="different items"):
        study.analyse(Given(ratings({(MODELS[0], MODELS[0]): 7}), parameters, quick))


def test_two_models_are_too_few() -> None:
    """A matrix of two cannot tell lenience from the self, and says so before a call."""
    study = get_study("self-vs-cross")
    with pytest.raises(UsageError, match="three or more"):
        study.design(read_parameters(study, {"raters": MODELS[:2]}))
