"""The answer instruction and its inverse."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.prompts.catalogue import RATINGS
from harness.prompts.labels import check_labels
from harness.prompts.response import (
    RESPONSES,
    answer_instruction,
    instruction_completes,
    instruction_kind,
    read_instruction,
    response_name,
    tool_info,
)
from harness.prompts.template import Kind, ResponseName

KINDS: tuple[Kind, ...] = ("rating", "choice")


def allowed(labels: tuple[str, ...]) -> bool:
    try:
        check_labels(labels, where="labels")
    except UsageError:
        return False
    return True


LABELS = st.one_of(
    st.lists(st.text(min_size=1, max_size=12), min_size=2, max_size=8).map(tuple).filter(allowed),
    st.tuples(st.integers(-120, 120), st.integers(1, 150)).map(
        lambda span: tuple(str(number) for number in range(span[0], span[0] + span[1] + 1))
    ),
    st.sampled_from([template.labels for template in RATINGS.values()]),
)


@settings(deadline=None, max_examples=150)
@given(
    labels=LABELS,
    response=st.sampled_from(RESPONSES),
    kind=st.sampled_from(KINDS),
    completes=st.booleans(),
    before=st.text(max_size=40),
)
def test_reading_inverts_writing(
    labels: tuple[str, ...], response: ResponseName, kind: Kind, completes: bool, before: str
) -> None:
    """Format, labels and kind are read back from any prompt that ends with the instruction."""
    instruction = answer_instruction(response, labels, kind, completes=completes)
    for text in (instruction, f"{before}\n\n{instruction}"):
        assert read_instruction(text) == (response, labels)
        assert instruction_kind(text) == kind
        assert instruction_completes(text) is completes


def test_a_long_range_is_written_as_one() -> None:
    """One hundred labels are not listed, a few are, in order."""
    hundred = answer_instruction("plain", RATINGS["percentile_1_100"].labels, "rating")
    assert hundred.endswith("Allowed labels: the whole numbers from 1 to 100")
    fruit = answer_instruction("xml", RATINGS["fruit_rating"].labels, "rating")
    assert fruit.endswith("Allowed labels: lemon, grape, orange, banana, apple")
    assert "<answer>LABEL</answer>" in fruit


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Allowed labels: A, B",
        "Say A or B. Allowed labels: A, B",
        answer_instruction("plain", ("A", "B"), "choice") + "\nThank you.",
    ],
)
def test_other_text_is_no_instruction(text: str) -> None:
    """Text that does not end with an instruction of ours is not read as one."""
    assert read_instruction(text) is None
    assert instruction_kind(text) is None
    assert not instruction_completes(text)


def test_tool_offers_the_allowed_labels_alone() -> None:
    """The tool's one parameter is an enum of the labels."""
    schema = tool_info(("1", "2", "3", "5"), "rating")["parameters"]
    assert schema["properties"]["answer"]["enum"] == ["1", "2", "3", "5"]
    assert schema["required"] == ["answer"]


def test_unknown_response_names_the_allowed() -> None:
    """A misspelt response format is one line with the four names."""
    assert response_name("xml") == "xml"
    with pytest.raises(UsageError, match="'xlm'; expected one of plain, xml, tool, reasoned"):
        response_name("xlm")
