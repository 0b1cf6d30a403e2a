"""Logs that do not hold a study's design: one line, never a traceback."""

from itertools import combinations

import polars as pl
import pytest

from harness.errors import UsageError
from harness.records.record import Record, frame
from harness.stats.intervals import Bootstrap
from harness.studies.catalogue import NAMES, get_study
from harness.studies.parameters import read_parameters
from harness.studies.study import Found, Given

ITEMS = ("a", "b", "c", "d")


def choices(orders: int) -> pl.DataFrame:
    """Each pair of four items once an order."""
    return frame(
        [
            Record(
                kind="choice", template="simple_preference", template_hash="h", prompt_hash="p",
                timing="post", response="plain", readout="sample", labels="A,B", rater="sim/other",
                completer="sim/other", outcome="answered", item_first=one, item_second=two,
                origin_first="math", origin_second="math", repeat=0, log="l", choice="first",
            )
            for pair in combinations(ITEMS, 2)
            for one, two in (pair, pair[::-1])[:orders]
        ]
    )  # fmt: skip


def ratings(repeats: int, *, outcome: str = "answered", rater: str = "sim/other") -> pl.DataFrame:
    """Four items rated in one wording by a rater that no study names."""
    answered = outcome == "answered"
    return frame(
        [
            Record(
                kind="rating", template="stated_1_5", template_hash="t", prompt_hash="p",
                timing="post", response="plain", readout="sample", labels="1,2,3,4,5",
                rater=rater, completer=rater, outcome=outcome, item=item, origin="math",  # type: ignore[arg-type]
                value=float(1 + place) if answered else None,
                normalised=place / 4 if answered else None,
                answer=str(1 + place) if answered else None, repeat=repeat, log="l",
            )
            for place, item in enumerate(ITEMS)
            for repeat in range(repeats)
        ]
    )  # fmt: skip


LOGS = {
    "choices": lambda: choices(2),
    "choices in one order": lambda: choices(1),
    "one rating": lambda: ratings(1),
    "two ratings": lambda: ratings(2),
    "refusals": lambda: ratings(2, outcome="refused"),
    "both": lambda: pl.concat([ratings(2), choices(2)]),
    "two raters": lambda: pl.concat([ratings(2), ratings(2, rater="sim/faithful")]),
}


@pytest.mark.parametrize("held", LOGS)
@pytest.mark.parametrize("name", NAMES)
def test_logs_of_another_design_are_said_in_one_line(name: str, held: str) -> None:
    """A study either reads what is there, or says in one line what is missing."""
    study = get_study(name)
    parameters = read_parameters(study, {}, small=True, rehearse=True)
    try:
        found = study.analyse(Given(LOGS[held](), parameters, Bootstrap(resamples=20)))
    except UsageError as error:
        assert len(str(error).splitlines()) == 1 and str(error)
    else:
        assert isinstance(found, Found)
        for section in found.sections:
            for plot in section.all_plots():
                assert plot.svg
