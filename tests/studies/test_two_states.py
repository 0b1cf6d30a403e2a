"""Studies of two states: before and after the task, with and without completions that tell."""

from typing import Any

import polars as pl
import pytest

from harness.errors import UsageError
from harness.records.record import Record, frame
from harness.stats.effects.power import Spread
from harness.stats.intervals import Bootstrap
from harness.studies.catalogue import get_study
from harness.studies.parameters import read_parameters
from harness.studies.study import Basis, Found, Given

ITEMS = 24


def rating(item: int, value: float, repeat: int, **given: Any) -> Record:
    plain: dict[str, Any] = {
        "kind": "rating",
        "template": "anchored_precise_1_5",
        "template_hash": "h",
        "prompt_hash": "p",
        "timing": "post",
        "response": "plain",
        "readout": "sample",
        "labels": "1,2,3,4,5",
        "rater": "sim/a",
        "completer": "sim/a",
        "outcome": "answered",
        "item": f"item {item:02}",
        "origin": "math",
        "value": value,
        "normalised": (value - 1) / 4,
        "repeat": repeat,
        "log": "a",
    }
    return Record(**(plain | given))


def analysed(name: str, records: list[Record], judgements: pl.DataFrame | None = None) -> Found:
    study = get_study(name)
    parameters = read_parameters(study, {"raters": ("sim/a",)})
    given = Given(frame(records), parameters, Bootstrap(resamples=50))
    return study.analyse(given)


def timed(shift: int) -> list[Record]:
    """Ratings 2, 3 or 4 before the task, shifted after it; every third item was refused."""
    return [
        rating(
            item, 2 + item % 3 + (shift if timing == "post" else 0), repeat, timing=timing,
            template_hash=timing, completion_refused=item % 3 == 0 if timing == "post" else None,
        )
        for item in range(ITEMS)
        for timing in ("pre", "post")
        for repeat in range(2)
    ]  # fmt: skip


def test_after_less_before_is_paired_by_item() -> None:
    """A shift of one level on five is a quarter of the scale, with no error where all shift; none
    is shown the same within the bound."""
    moved = analysed("pre-post", timed(1))
    assert moved.measured[0].estimate.estimate == pytest.approx(0.25)
    assert "moved by more than 0.05" in moved.sentences[0]
    same = analysed("pre-post", timed(0))
    assert "the same within ± 0.05" in same.sentences[0]
    (refusal,) = [table for one in same.sections for table in one.tables if table.name == "refusal"]
    assert [row["timing"] for row in refusal.rows] == ["pre", "post"]
    assert all(row["refused"] == ITEMS // 3 for row in refusal.rows)


def test_a_template_without_both_timings_is_refused_before_a_call() -> None:
    """pre-post names the template that is asked at one time alone."""
    study = get_study("pre-post")
    given = {"raters": ("sim/a",), "templates": ("anchored_1_5",)}
    with pytest.raises(UsageError, match="'anchored_1_5' is asked post alone"):
        study.design(read_parameters(study, given))
    with pytest.raises(UsageError, match="not asked both before and after"):
        analysed("pre-post", [one for one in timed(1) if one.timing == "post"])


def told(spoken: int, bare: int) -> list[Record]:
    """Completions of the first items speak of their prompt, which alone lifts their rating."""
    found = [rating(item, 2 + item % 2, 0) for item in range(ITEMS)]
    for count, prefix in ((spoken, None), (bare, False)):
        found += [
            rating(
                item, 2 + item % 2 + 2 * (item < count), 0,
                completion_sysprompt="loves_math", completion_prefix=prefix, log=str(prefix),
                sysprompt_referenced=item < count, completion_hash=f"{prefix} {item}",
            )
            for item in range(ITEMS)
        ]  # fmt: skip
    return found


def test_an_effect_of_what_completions_say_of_their_prompt_is_shown_as_one() -> None:
    """Where ratings move only with completions that tell, Δ is their share with all of them and 0
    without them, for both requests; the furthest items are those."""
    found = analysed("sysprompt-confound", told(6, 12))
    rates = {row["prefix"]: row["rate"] for row in found.tables[0].rows}
    deltas = {row["prefix"]: (row["delta"], row["kept"]) for row in found.tables[1].rows}
    for prefix, share in (("with", 0.25), ("without", 0.5)):
        assert rates[prefix].estimate == share
        delta, kept = deltas[prefix]
        assert delta.estimate == pytest.approx(2 * share)
        assert kept.estimate == pytest.approx(0.0)
    moved = found.sections[1].tables[0].rows
    assert all(row["spoken"] == "yes" and row["moved"] == 2 for row in moved)


def test_confound_needs_verdicts() -> None:
    """Records that nobody judged end in one line that says what is missing."""
    plain = [one for one in told(6, 12) if one.completion_sysprompt == "none"]
    with pytest.raises(UsageError, match="needs verdicts"):
        analysed("sysprompt-confound", plain)


def test_the_forecast_of_two_states_corrects_for_every_pair_of_them() -> None:
    """What pre-post finds with power .8 grows with the pairs that Holm's correction counts."""
    study = get_study("pre-post")
    basis = Basis(Spread(items=0.25, repeats=0.15, effect=0.12), {"math": 40}, 4)

    def findable(*raters: str) -> list[float]:
        design = study.design(read_parameters(study, {"raters": raters}))
        return [one.smallest(basis) for one in design.contrasts]

    one, four = findable("sim/a"), findable("sim/a", "sim/b", "sim/c", "sim/d")
    assert one[0] < four[0]
    assert one[1] == four[1]
