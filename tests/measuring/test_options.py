from typing import Any

import pytest
from inspect_ai.model import GenerateConfig

from harness.errors import UsageError
from harness.measuring.options import ChoiceOptions, RatingOptions, Stage, read_options, stage
from harness.measuring.stages import thinking_name


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seed": 4}, "unknown option 'seed' of pairwise; did you mean 'seeds'?"),
        ({"orders": "BA"}, "orders='BA' of pairwise; expected 'both' or 'balanced' or 'first'"),
        ({"block": 0}, "block=0 of pairwise; expected at least 1"),
        ({"seeds": "many"}, "seeds='many' of pairwise; expected a whole number"),
        ({"labels": [True, False]}, "labels of pairwise reached us as [True, False], because"),
        ({"budget_usd": "much"}, "budget_usd='much' of pairwise; expected a number"),
    ],
)
def test_bad_option_is_one_line_that_names_value_and_allowed(
    given: dict[str, Any], said: str
) -> None:
    """An unknown name or bad value raises one line with the value and what was allowed."""
    with pytest.raises(UsageError) as raised:
        read_options(ChoiceOptions, given, task="pairwise")
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


def test_what_yaml_made_of_a_value_is_undone() -> None:
    """A comma that became a list, a number that stayed text and a number for text are as typed."""
    options = read_options(
        ChoiceOptions,
        {
            "labels": ["Task A", "Task B"],
            "measurement_temperature": ".25",
            "pairs": "all",
            "measurement_thinking": False,
        },
        task="pairwise",
    )
    assert options.labels == "Task A,Task B"
    assert options.measurement_temperature == 0.25
    assert options.measurement_thinking is False
    assert read_options(ChoiceOptions, {"labels": [1, 2]}, task="pairwise").labels == "1,2"


def test_stage_settings_are_its_own() -> None:
    """Completion and measurement have settings of their own."""
    options = read_options(
        RatingOptions, {"completion_max_tokens": 9, "measurement_stop": "END"}, task="rating"
    )
    assert stage(options, "completion") == Stage(None, 9, None, None)
    assert stage(options, "measurement") == Stage(None, None, None, "END")


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (GenerateConfig(), None),
        (GenerateConfig(reasoning_effort="none"), "off"),
        (GenerateConfig(reasoning_effort="low"), "low"),
        (GenerateConfig(reasoning_tokens=0), "0"),
        (GenerateConfig(reasoning_tokens=512, reasoning_effort="high"), "512"),
    ],
)
def test_the_record_names_the_thinking_that_was_asked_for(
    config: GenerateConfig, name: str | None
) -> None:
    """A number of tokens before an effort, none as off, and nothing where nothing was chosen."""
    assert thinking_name(config) == name


LEAST = {
    "per_origin": 1, "block": 1, "seeds": 1, "max_calls": 1, "pilot": 0, "wordings": 1,
    "optout": 0.0, "contexts": 1, "budget_usd": 0.0, "completion_max_tokens": 1,
    "measurement_max_tokens": 1, "completion_temperature": 0.0, "measurement_temperature": 0.0,
    "min_label_mass": 0.0, "judge_repeats": 1, "judge_max_tokens": 1, "judge_temperature": 0.0,
    "judge_timeout": 0.001,
}  # fmt: skip


@pytest.mark.parametrize(("name", "least"), LEAST.items())
def test_an_option_has_a_least_value(name: str, least: float) -> None:
    """It is taken, and what is less is refused with it."""
    options = read_options(ChoiceOptions, {name: least}, task="pairwise")
    assert getattr(options, name) == least
    less = least - 1 if isinstance(least, int) else least - 0.0005
    with pytest.raises(UsageError, match=f"{name}=.* of pairwise; expected at least {least:g}"):
        read_options(ChoiceOptions, {name: less}, task="pairwise")
