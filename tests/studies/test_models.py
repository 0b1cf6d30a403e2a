"""Models with settings of their own."""

import pytest

from harness.errors import UsageError
from harness.measuring.money import Price
from harness.studies.models import model_of, price_for, read_model, spec_text, split_models


def test_settings_go_where_they_belong() -> None:
    """Generation settings go with calls, everything else to the provider."""
    spec = read_model("openrouter/qwen/qwen3-32b(thinking=off, temperature=.7, route=fast)")
    assert spec.name == "openrouter/qwen/qwen3-32b"
    assert spec.arguments == {"route": "fast"}
    assert (spec.config.temperature, spec.config.reasoning_effort) == (0.7, "none")


def test_a_list_is_cut_outside_brackets() -> None:
    """Commas inside brackets are a model's own."""
    assert split_models("sim/a(x=1, y=2), sim/b") == ("sim/a(x=1, y=2)", "sim/b")


def test_a_table_is_the_same_as_a_name() -> None:
    """A TOML table of a rater reads as the name with its settings."""
    text = spec_text({"model": "sim/noisy", "rating_noise": 0.8, "contrarian": True})
    assert read_model(text).given == {"rating_noise": 0.8, "contrarian": True}


@pytest.mark.parametrize(
    "text", ["", "noisy", "sim/noisy(", "sim/noisy(0.8)", "sim/a b", "sim/a(x=)"]
)
def test_what_is_no_model_is_refused(text: str) -> None:
    """A name that cannot be read ends in one line that shows it."""
    with pytest.raises(UsageError, match="expected"):
        read_model(text)


def test_a_model_without_its_key_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Inspect says of a missing key comes without markup; a price needs no key."""
    monkeypatch.delenv("NOWHERE_API_KEY", raising=False)
    with pytest.raises(UsageError, match=r"^openai-api/nowhere/m: [^\n\[]*NOWHERE_API_KEY"):
        model_of("openai-api/nowhere/m")
    assert price_for("openai-api/nowhere/m", None) is None
    assert price_for("openai-api/nowhere/m", "1,2") == Price(1, 2)
    assert price_for("sim/noisy", None) == Price(0, 0)
