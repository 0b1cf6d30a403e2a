"""Label pairs as they come from the command line."""

import pytest

from harness.errors import UsageError
from harness.prompts.labels import label_pair


@pytest.mark.parametrize(
    ("value", "pair"),
    [
        ("A,B", ("A", "B")),
        (["A", "B"], ("A", "B")),
        ("Task A, Task B", ("Task A", "Task B")),
        (["Task A", "Task B"], ("Task A", "Task B")),
        ([1, 2], ("1", "2")),
        (("x", "y"), ("x", "y")),
    ],
)
def test_reads_text_and_yaml_lists(value: object, pair: tuple[str, str]) -> None:
    """The text and the list that YAML makes of it are the same pair."""
    assert label_pair(value) == pair


@pytest.mark.parametrize(
    "value",
    [
        *("A", "A,B,C", "A,", ",", "A,A", "A,a", "A,A.", '"A",A', 3, None, {"A": "B"}),
        *([True, False], ["A", None], ["<A>", "B"], ["A\nA", "B"], ["{first}", "B"]),
        *(["A" * 41, "B"], [1.5, 2]),
    ],
)
def test_unusable_labels_are_one_line(value: object) -> None:
    """Missing, equal, empty or unprintable labels are refused with the place named."""
    with pytest.raises(UsageError) as caught:
        label_pair(value, where="labels")
    assert "labels" in str(caught.value) and "\n" not in str(caught.value)
