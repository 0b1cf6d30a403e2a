"""System prompts as named conditions."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.prompts.conditions import (
    CATEGORIES,
    CONDITIONS,
    DO_NOT_MENTION,
    completion_system,
    condition,
    condition_in,
)


def test_eleven_in_six_categories() -> None:
    """The grid has eleven conditions in six categories, with memory on the negative side alone."""
    grid = {name for name, known in CONDITIONS.items() if known.category in CATEGORIES}
    pairs = {f"{category}_{sign}" for category in CATEGORIES for sign in ("pos", "neg")}
    assert grid == pairs - {"memory_pos"}
    assert len(grid) == 11


def test_signs_go_with_names() -> None:
    """A name that ends in pos or loves has sign 1, one in neg or hates −1, `none` 0 and no text."""
    for name, known in CONDITIONS.items():
        assert known.name == name
        if name == "none":
            assert (known.sign, known.text) == (0, "")
        else:
            assert known.sign == (1 if name.endswith("_pos") or name.startswith("loves") else -1)
    assert CONDITIONS["loves_math"].topic == CONDITIONS["hates_math"].topic == "math"
    texts = [known.text for known in CONDITIONS.values()]
    assert len(set(texts)) == len(texts)


def test_completion_prompt_asks_not_to_be_mentioned() -> None:
    """Every non-empty completion prompt has the request in front unless switched off."""
    for name, known in CONDITIONS.items():
        with_prefix, without = completion_system(known), completion_system(known, prefix=False)
        if name == "none":
            assert with_prefix is without is None
        else:
            assert with_prefix == f"{DO_NOT_MENTION}\n\n{known.text}"
            assert without == known.text
            assert condition_in(with_prefix) is condition_in(known.text) is known
    assert condition_in("You are a helpful assistant.") is None


def test_own_condition_from_a_file(tmp_path: Path) -> None:
    """A file needs a name and a text; the sign may be left out."""
    path = tmp_path / "calm.toml"
    path.write_text('name = "calm"\ntext = "You are calm, {first}."\n', encoding="utf-8")
    own = condition("calm.toml", base=tmp_path)
    assert (own.name, own.sign, own.text) == ("calm", 0, "You are calm, {first}.")


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ('name = "calm"\ntext = " "', "text is empty"),
        ('name = "calm"', "text"),
        ('name = "calm"\ntext = "x"\nsign = 2', "sign = 2"),
        ('name = "calm"\ntext = "x"\nmood = "good"', "mood"),
        ('name = "very calm"\ntext = "x"', "'very calm'"),
        ('name = "loves_math"\ntext = "x"', "'loves_math'"),
    ],
)
def test_unusable_file_is_one_line(tmp_path: Path, content: str, named: str) -> None:
    """The line names the file and what is wrong in it."""
    (tmp_path / "calm.toml").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        condition("calm.toml", base=tmp_path)
    assert "calm.toml" in str(caught.value) and named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_condition_is_one_line() -> None:
    """A misspelt name names the near match and all that are allowed."""
    with pytest.raises(UsageError, match="did you mean 'loves_math'") as caught:
        condition("love_math", base=Path())
    assert all(name in str(caught.value) for name in CONDITIONS)
