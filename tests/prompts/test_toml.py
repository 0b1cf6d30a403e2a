"""Templates of a user's own, from TOML."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.prompts.catalogue import get_template
from harness.prompts.toml import read_template

RATING = """\
name = "my_scale"
version = 1
kind = "rating"
levels = [{ label = "low", value = 0 }, { label = "high", value = 2.5 }]

[questions]
post = "How was it, {not a placeholder}?"
"""
CHOICE = """\
name = "my_choice"
version = 3
kind = "choice"

[questions]
post = "{first} or {second}?"
pre = "{second} or {first}?"
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_reads_a_rating(tmp_path: Path) -> None:
    """A file in the documented form is the template that it says; paths are taken from `base`."""
    write(tmp_path, RATING)
    template = get_template("own.toml", kind="rating", base=tmp_path)
    assert template.labels == ("low", "high")
    assert template.normalised(template.value("high")) == 1.0
    assert template.timings == ("post",)


def test_reads_a_choice(tmp_path: Path) -> None:
    """The first wording of a choice is its default timing."""
    template = get_template(str(write(tmp_path, CHOICE)), base=Path())
    assert (template.timings, template.version) == (("post", "pre"), 3)


RATING_FAULTS = [
    ('label = "high"', 'label = "low"', ["levels", "'low' and 'low'"]),
    ('label = "high"', 'label = "LOW."', ["levels", "'low' and 'LOW.'"]),
    ("value = 2.5", "value = 0", ["duplicate value = 0", "'low'", "'high'"]),
    ("value = 2.5", "value = -1", ["value = -1", "ascending"]),
    ("value = 2.5", 'value = "much"', ["levels[1].value", "'much'", "`float`"]),
    ("value = 2.5", "value = true", ["levels[1].value", "True"]),
    ("value = 2.5", "value = nan", ["value = nan", "'high'"]),
    ("value = 2.5", "value = inf", ["value = inf"]),
    (', { label = "high", value = 2.5 }', "", ["levels has 1", "at least two"]),
    ("post =", "later =", ["later", "post"]),
    ("{not a placeholder}", "{item}", ["questions.post", "{item}"]),
    ('kind = "rating"', 'kind = "ranking"', ["kind", "'ranking'"]),
    ('kind = "rating"', 'kind = "rating"\nlevel = 3', ["level"]),
    ("version = 1\n", "", ["version"]),
    ('name = "my_scale"', 'name = "my scale"', ["name", "'my scale'"]),
    ('name = "my_scale"', 'name = "stated_1_5"', ["'stated_1_5'", "built-in"]),
    ('kind = "rating"', 'kind = "rating"\nbanned = ["Low"]', ["banned", "'Low'"]),
    ('label = "high"', 'label = "a,b"', ["'a,b'", "','"]),
    ('label = "high"', 'label = " "', ["empty label"]),
    ('label = "high"', "label = 2", ["levels[1].label", "= 2", "`str`"]),
    ("[questions]", "[questions", ["not TOML"]),
    ('post = "How was it, {not a placeholder}?"', "", ["questions is empty"]),
]
CHOICE_FAULTS = [
    ("{second} or {first}?", "{second} or this?", ["questions.pre", "{first}"]),
    ("{first} or {second}?", "Which?", ["questions.post", "{first}"]),
    ("{first} or {second}?", "{first} or {second} or {third}?", ["questions.post", "{third}"]),
    ('kind = "choice"', 'kind = "choice"\nbanned = ["x"]', ["banned"]),
    ('kind = "choice"', 'kind = "choice"\nlevels = [{label = "A", value = 1}]', ["levels"]),
]


@pytest.mark.parametrize(
    ("text", "old", "new", "named"),
    [(RATING, *fault) for fault in RATING_FAULTS] + [(CHOICE, *fault) for fault in CHOICE_FAULTS],
)
def test_a_fault_is_one_line_with_file_key_and_value(
    tmp_path: Path, text: str, old: str, new: str, named: list[str]
) -> None:
    """Every fault of a file ends in one line that says where it is and what stood there."""
    assert old in text
    path = write(tmp_path, text.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        get_template(str(path), base=Path())
    line = str(caught.value)
    assert [part for part in ["own.toml", *named] if part not in line] == []
    assert "\n" not in line


def test_missing_file_says_where_it_looked(tmp_path: Path) -> None:
    """A path that is not there names the folder it was taken from."""
    with pytest.raises(UsageError, match=r"nowhere\.toml") as caught:
        get_template("nowhere.toml", base=tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("value", ["[" * 100_000, "9" * 5000, "{b=" * 9999])
def test_hostile_toml_is_one_line(tmp_path: Path, value: str) -> None:
    """Brackets in brackets and endless numbers are no TOML, and the line names the file."""
    path = tmp_path / "hostile.toml"
    path.write_text(f"a = {value}")
    with pytest.raises(UsageError, match=r"hostile\.toml") as refused:
        read_template(path)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 500
