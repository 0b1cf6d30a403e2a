"""Stop tokens and turn headers left in a reply."""

import pytest

from harness.text.control_tokens import without_control_tokens
from harness.text.parse import parse_answer
from harness.wire import Reply

ENDS = (
    *(
        "<|im_end|>",
        "<|eot_id|>",
        "<|eom_id|>",
        "<|end|>",
        "<|endoftext|>",
        "<|end_of_text|>",
        "</s>",
    ),
    *("<end_of_turn>", "<turn|>", "<eos>", "<|eot|>", "<|return|>", "<|END_OF_TURN_TOKEN|>"),
    *("<\uff5cend\u2581of\u2581sentence\uff5c>", "<|END_RESPONSE|>", "<end_of_utterance>", "[EOS]"),
)
HEADERS = (
    *(
        "<|im_start|>assistant\n",
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        "<s>",
        "<bos>",
    ),
    *(
        "<start_of_turn>model\n",
        "<|assistant|>\n",
        "[/INST]",
        "<\uff5cAssistant\uff5c>",
        "<|turn>model\n",
    ),
)
NEXT_TURNS = (
    *("<|im_start|>user\nB", "<start_of_turn>user\nB", "<|user|>\nB", "[INST] B [/INST]"),
    "<|start_header_id|>user<|end_header_id|>\n\nB",
)


def label(text: str, response: str = "plain") -> str | None:
    return parse_answer(
        Reply(text=text),
        labels=("A", "B"),
        response=response,
        kind="choice",  # type: ignore[arg-type]
    ).label


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("form", ["A", "<answer>A</answer>", "A\n\nI like it."])
def test_a_stop_token_ends_the_reply(end: str, form: str) -> None:
    """A label is read as if the stop token after it, and all after that, were not there."""
    response = "xml" if "<answer>" in form else "plain"
    for text in (form + end, f"{form}\n{end}\n", f"{form} {end}", form + end + end):
        assert label(text, response) == "A"
    for turn in NEXT_TURNS:
        assert label(f"{form}{end}\n{turn}", response) == "A"


@pytest.mark.parametrize("header", HEADERS)
def test_a_turn_header_is_no_part_of_the_reply(header: str) -> None:
    """A header before the label is left out."""
    assert label(f"{header}A") == label(f"{header} A<|im_end|>") == "A"


@pytest.mark.parametrize("end", ENDS)
def test_a_token_inside_the_answer_tag_is_left_out(end: str) -> None:
    """A stop token before the closing tag does not cut the tag off."""
    assert label(f"<answer>A{end}</answer>", "xml") == "A"


@pytest.mark.parametrize("end", ENDS)
def test_a_token_that_is_spoken_of_ends_nothing(end: str) -> None:
    """An item about tokenisers does not cut the reply that quotes it."""
    for text in (f'The text ends in "{end}" as asked.', f"The token {end} ends a turn, I think."):
        assert without_control_tokens(text) == text
        assert label(f"{text} <answer>A</answer>", "reasoned") == "A"


@pytest.mark.parametrize("text", ["", "A", "2 < 3", "[A]", "<answer>A</answer>", "<s>A</s> B"])
def test_other_brackets_stay(text: str) -> None:
    """Text without control tokens stays as it is, and what is struck out is not what is meant."""
    assert without_control_tokens(text) == text or text.startswith("<s>")
    if text.startswith("<s>"):
        assert label(text) is None


@pytest.mark.parametrize("end", ENDS[:4])
@pytest.mark.parametrize("header", HEADERS[:4])
def test_a_prompt_that_is_left_before_the_reply(end: str, header: str) -> None:
    """An end of turn before any text, and the header after it, are the prompt's: the reply begins
    behind both, and behind two such pairs too."""
    assert without_control_tokens(f"{end}\n{header}A").strip() == "A"
    assert without_control_tokens(f"{header}{end}\n{header}A{end}B").strip() == "A"
    assert label(f"{end}{header}A") == "A"
