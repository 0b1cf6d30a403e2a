"""Thoughts left in a reply, in every marker that is known."""

import pytest

from harness.prompts.response import RESPONSES
from harness.text.parse import parse_answer
from harness.text.thoughts import without_thoughts
from harness.wire import Reply

OWN = (
    *(("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<thought>", "</thought>")),
    *(("<Thoughts>", "</Thoughts>"), ("[THINK]", "[/THINK]"), ("[thought]", "[/thought]")),
    *(("\u25c1think\u25b7", "\u25c1/think\u25b7"), ("<seed:think>", "</seed:think>")),
    *(("<|begin_of_thought|>", "<|end_of_thought|>"), ("<|START_THINKING|>", "<|END_THINKING|>")),
    *(("<|channel>thought\n", "<channel|>"), ("<unused94>thought\n", "<unused95>")),
    *(("<inner_monologue>", "</inner_monologue>"), ('<think time="3">', "</think>")),
    *(("<start_working_out>", "<end_working_out>"), ("```thinking\n", "\n```")),
    ('<details type="reasoning" done="true">\n<summary>Thought for 2 s</summary>\n', "</details>"),
    (
        "<|channel|>analysis<|message|>",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
    ),
    ("analysisWe see: ", "assistantfinal"),
)
SHOWN = tuple((f"<{word}>", f"</{word}>") for word in ("reasoning", "scratchpad", "analysis"))
ONE_SIDED = tuple(
    pair for pair in OWN if pair[1] not in ("\n```", "</details>", "<channel|>", "<unused95>")
)


def label(text: str, response: str = "plain", stop: str = "stop") -> str | None:
    reply = Reply(text=text, stop=stop)  # type: ignore[arg-type]
    return parse_answer(reply, labels=("A", "B"), response=response, kind="choice").label  # type: ignore[arg-type]


@pytest.mark.parametrize(("opening", "closing"), OWN + SHOWN)
@pytest.mark.parametrize(
    "thought", ["B", "Is it B?\n\nB", "<answer>B</answer>", "I prefer B, not A.\n"]
)
def test_only_what_follows_a_thought_is_read(opening: str, closing: str, thought: str) -> None:
    """Whatever is thought, the label after the thought is the answer, in every format."""
    for response in RESPONSES:
        answer = "<answer>A</answer>" if response in ("xml", "reasoned") else "A"
        for gap in ("", "\n", "\n\n"):
            assert label(f"{opening}{thought}{closing}{gap}{answer}", response) == "A", response


@pytest.mark.parametrize(("opening", "closing"), ONE_SIDED)
def test_the_opening_marker_may_be_missing(opening: str, closing: str) -> None:
    """A chat template that opens the thought itself leaves a closing marker alone."""
    assert label(f"Is it B? B!{closing}\nA") == "A"


@pytest.mark.parametrize(("opening", "closing"), OWN + SHOWN)
@pytest.mark.parametrize("stop", ["stop", "max_tokens", "unknown"])
def test_a_thought_that_is_cut_off_answers_nothing(opening: str, closing: str, stop: str) -> None:
    """A thought without an end is no answer, although it names a label."""
    for thought in ("A", "A or B?\n\nA", "I choose A", "A\n<answer>A</answer>"):
        for response in ("plain", "xml", "tool"):
            assert label(f"{opening}{thought}", response, stop) is None
        if (opening, closing) in OWN:
            assert label(f"{opening}{thought}", "reasoned", stop) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        "I think A.",
        "An analysis of A",
        "[reason] A",
        "A\n\nSee [analysis] below.",
        "```\nA\n```",
    ],
)
def test_words_about_thinking_are_no_markers(text: str) -> None:
    """A text without markers stays as it is."""
    kept = without_thoughts(text, reasoning_asked=True)
    assert kept == text


def test_the_answer_may_come_first() -> None:
    """A closed thought after the answer takes nothing away."""
    assert label("A\n<think>B was close.</think>") == "A"


def test_a_word_in_brackets_after_the_answer_is_no_thought() -> None:
    """A word that may be asked for is text where other words stand before it; a model's own word
    for its thinking is an opening wherever it stands."""
    assert without_thoughts("A [reason] it is shorter") == "A [reason] it is shorter"
    assert without_thoughts("[reason] it is shorter").strip() == ""
    assert without_thoughts("A <think> it is shorter").strip() == "A"
