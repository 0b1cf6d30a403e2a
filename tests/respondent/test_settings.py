"""Planted parameters by name: overrides, and one line for what cannot be used."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.respondent.settings import PRESETS, parameters, settings_for
from harness.respondent.utility import liked


def test_defaults_are_those_of_the_design() -> None:
    """`sim/faithful` has the published parameters, and the others differ as published."""
    planted = parameters(PRESETS["faithful"])
    assert planted["origin_means"] == {
        "math": -0.6,
        "alpaca": -0.2,
        "wildchat": 0.4,
        "stress_test": 0.2,
        "bailbench": -1.2,
        "other": 0.0,
    }
    names = ("spread", "noise", "misfit", "rating_noise", "position_bias", "reasoning_debias")
    assert [planted[name] for name in names] == [1.5, 1.0, 0.5, 0.5, -0.3, 0.8]
    assert PRESETS["clusterer"].cluster == 0.91
    assert PRESETS["position-biased"].position_bias == -0.8
    assert PRESETS["refuser"].refusal == {"bailbench": 0.8, "stress_test": 0.22, "wildchat": 0.05}
    assert (PRESETS["rambler"].format_error, PRESETS["rambler"].disclaim) == (0.15, 0.05)
    assert (PRESETS["noisy"].noise, PRESETS["noisy"].rating_noise) == (2.0, 1.2)


def test_overrides_by_origin() -> None:
    """An origin's value comes by prefix, by dot, in a dict, or for refusals as one number."""
    for given in (
        {"mean_math": 0.3},
        {"origin_means.math": "0.3"},
        {"origin_means": {"math": 0.3}},
    ):
        assert settings_for("faithful", given).origin_means["math"] == 0.3
    assert settings_for("faithful", {"refusal_stress_test": 0.5}).refusal == {"stress_test": 0.5}
    everywhere = settings_for("refuser", {"refusal": 0.1})
    assert set(parameters(everywhere)["refusal"].values()) == {0.1}


def test_text_that_reads_as_a_number_is_one() -> None:
    """YAML leaves `-.25` as text."""
    assert settings_for("faithful", {"position_bias": "-.25"}).position_bias == -0.25


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("faithfull", {}, "unknown respondent sim/faithfull; expected one of faithful"),
        ("faithful", {"noize": 1}, "unknown parameter 'noize'.*expected one of spread"),
        ("faithful", {"noise": "much"}, "noise='much'; expected a number"),
        ("faithful", {"noise": -1}, "noise=-1; expected a number of at least 0"),
        ("faithful", {"noise": True}, "noise=True; expected a number"),
        ("faithful", {"lapse": 1.2}, "lapse=1.2; expected a rate"),
        ("faithful", {"refusal_math": -0.1}, "refusal_math=-0.1; expected a rate"),
        ("faithful", {"origin_means": 0.1}, "origin_means=0.1; expected a dict"),
        ("faithful", {"cluster_level": 0}, "cluster_level=0; expected a whole number"),
        ("faithful", {"contrarian": "perhaps"}, "contrarian='perhaps'"),
        ("rambler", {"refusal": 0.9}, "reach 1.1; expected at most 1"),
        ("faithful", {"items": "nowhere.csv"}, "no file at"),
    ],
)
def test_unusable_parameters(name: str, given: dict[str, object], message: str) -> None:
    """A misspelt name or an unusable value is one line that says what is allowed."""
    with pytest.raises(UsageError, match=message) as caught:
        settings_for(name, given)
    assert "\n" not in str(caught.value)


def test_more_items_can_be_made_known(tmp_path: Path) -> None:
    """`items` tells the respondent the origin of texts that are not built in."""
    path = tmp_path / "mine.csv"
    path.write_text("text,origin\nSolve it now.,math\nSing.,choir\n")
    plain = settings_for("faithful")
    told = settings_for("faithful", {"items": str(path), "mean_choir": 2.0, "spread": 0})
    assert liked("Sing.", plain).origin == "other"
    assert (liked("Sing.", told).origin, liked("Sing.", told).utility) == ("choir", 2.0)
    assert liked("Solve it now.", told).utility == -0.6
