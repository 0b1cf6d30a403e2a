"""The validity card's verdicts."""

import numpy as np

from harness.records.record import Record, frame
from harness.report.parts.table import Table
from harness.stats.intervals import Bootstrap
from harness.studies.catalogue import get_study
from harness.studies.parameters import read_parameters
from harness.studies.study import Given

TEMPLATES = ("anchored_1_5", "anchored_precise_1_5", "fruit_rating")


def card(*, honoured: bool) -> dict[tuple[str, str], str]:
    """Verdicts by template and quantity: two wordings that agree, and one of chance alone."""
    rng = np.random.default_rng(0)
    level = rng.integers(1, 6, 60)
    rows = []
    for template in TEMPLATES:
        own = rng.integers(1, 6, 60) if template == "fruit_rating" else level
        rows += [
            Record(
                kind="rating", template=template, template_hash=template, prompt_hash="p",
                timing="post", response="plain", readout="sample", labels="1,2,3,4,5",
                rater="sim/a", completer="sim/a", outcome="answered", item=f"item {number:02d}",
                origin="math", value=float(one), normalised=(one - 1) / 4, answer=str(one),
                repeat=repeat, log=template, seed=repeat, seed_honoured=honoured,
            )
            for number, one in enumerate(own)
            for repeat in range(3)
        ]  # fmt: skip
    study = get_study("validity")
    given = read_parameters(study, {"raters": ("sim/a",), "templates": TEMPLATES})
    found = study.analyse(Given(frame(rows), given, Bootstrap(resamples=100)))
    table: Table = found.tables[0]
    return {(str(row["template"]), str(row["quantity"])): str(row["verdict"]) for row in table.rows}


def test_wordings_that_disagree_fail_the_card() -> None:
    """Two wordings of one opinion hold, one that has nothing to do with them fails."""
    found = card(honoured=True)
    assert found["anchored_1_5", "r with anchored_precise_1_5"] == "holds"
    assert found["anchored_1_5", "r with fruit_rating"] == "fails"
    assert found["anchored_1_5", "informative r"] == "holds"


def test_a_seed_that_is_not_honoured_fails_the_card() -> None:
    """Whether a run can be repeated to the letter is a verdict of its own."""
    assert card(honoured=True)["fruit_rating", "seed honoured"] == "holds"
    assert card(honoured=False)["fruit_rating", "seed honoured"] == "fails"
