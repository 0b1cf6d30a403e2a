"""Spreads from an earlier run."""

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from harness.cli.study import study
from harness.errors import UsageError
from harness.studies.pilot import ASSUMED, spread_from


def table(*, conditions: int, repeats: int, items: int = 400) -> pl.DataFrame:
    """Ratings with spreads of .2 over items, .1 over repeats and .08 of each condition's effect."""
    rng = np.random.default_rng(0)
    base = rng.normal(0.5, 0.2, items)
    parts = []
    for number in range(conditions):
        # A difference of two has twice the variance of each.
        means = base + rng.normal(0, 0.08 / np.sqrt(2), items)
        for repeat in range(repeats):
            parts.append(
                pl.DataFrame(
                    {
                        "item": [f"i{n:04d}" for n in range(items)],
                        "normalised": means + rng.normal(0, 0.1, items),
                    }
                ).with_columns(
                    kind=pl.lit("rating"),
                    rater=pl.lit("sim/a"),
                    template=pl.lit("t"),
                    timing=pl.lit("post"),
                    outcome=pl.lit("answered"),
                    repeat=pl.lit(repeat),
                    completion_sysprompt=pl.lit(f"c{number}"),
                    log=pl.lit(f"{number}"),
                )
            )
    return pl.concat(parts)


def test_planted_spreads_are_found() -> None:
    """All three spreads are found again in conditions of one rater."""
    found = spread_from(table(conditions=3, repeats=3))
    assert found.spread.items == pytest.approx(0.21, abs=0.02)
    assert found.spread.repeats == pytest.approx(0.1, abs=0.005)
    assert found.spread.effect == pytest.approx(0.08, abs=0.01)
    assert found.words == "from 3 cells of the pilot"


@pytest.mark.parametrize(
    ("conditions", "repeats", "assumed"),
    [(1, 3, "effect assumed (it has one condition"), (2, 1, "repeats and effect assumed")],
)
def test_what_a_pilot_cannot_say_is_assumed_and_named(
    conditions: int, repeats: int, assumed: str
) -> None:
    """One condition says nothing of an effect, one rating nothing of repeats."""
    found = spread_from(table(conditions=conditions, repeats=repeats))
    assert assumed in found.words
    assert found.spread.effect == ASSUMED.effect


def test_a_pilot_without_ratings_is_refused() -> None:
    """Two items are no pilot."""
    with pytest.raises(UsageError, match="no ratings of 4 items"):
        spread_from(table(conditions=1, repeats=2, items=2))


def test_a_plan_says_where_its_spreads_come_from() -> None:
    """Without a pilot they are assumed, and the plan of three models promises no diagonal."""
    models = "sim/faithful,sim/noisy,sim/refuser"
    told = CliRunner().invoke(study, ["plan", "self-vs-cross", "--models", models]).output
    said = " ".join(told.split())
    assert "effect 0.12 of the scale's length: assumed (--pilot" in said
    assert "self less cross: none, however large: too few items, models or directions" in said


def test_a_plan_forecasts_its_own_contrast() -> None:
    """What sysprompt-v2 was designed to find is Δ⁺ + Δ⁻: two effects and the neutral cell twice, so
    less is findable than of one prompt, and of more pairs less again."""
    arguments = ["sysprompt-v2", "--rehearse", "--small"]
    found = []
    for pairs in (("affective",), ("affective", "math", "ethical")):
        more = [part for pair in pairs for part in ("--pair", pair)]
        result = CliRunner().invoke(study, ["plan", *arguments, *more], catch_exceptions=False)
        line = next(one for one in result.output.splitlines() if "Δ⁺ + Δ⁻" in one)
        found.append(float(line.rpartition(" ")[2]))
        assert "one prompt:" not in result.output
    assert 0.16 < found[0] < found[1]
