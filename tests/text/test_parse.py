"""Adversarial replies: nothing raises, nothing off the scale, no refusal taken for a choice."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.prompts.catalogue import RATINGS
from harness.prompts.ratings import BAN_FOUR_1_5
from harness.prompts.response import RESPONSES, tool_info
from harness.prompts.template import Template
from harness.text.answer import Answer
from harness.text.parse import is_unclear, parse_answer
from harness.wire import Reply, StopReason

LEAN = settings(deadline=None, max_examples=150)
CHOICE = ("A", "B")
PAIRS = (("A", "B"), ("Task A", "Task B"), ("1", "2"))
STOPS: tuple[StopReason, ...] = ("stop", "max_tokens", "content_filter", "tool_calls", "unknown")

FRAGMENTS = st.one_of(
    st.sampled_from(
        [
            *("A", "B", "Task A", "Task B", "1", "2", "4", "5", "-3", "6", "27", "850", "4.5"),
            *("<answer>", "</answer>", "<answer>A</answer>", "<answer>4", "<ANSWER >", "</answer"),
            *("not ", "I cannot complete task ", "neither ", " or ", "/", "/5", "out of 10", "**"),
            *("\n", " ", ". ", ": ", ", ", "{first}", "{second}", "<think>", "</think>", "```"),
            *("apple", "lemon", "good", "bad", "four", "quatre", "四", "٤", "４", "−5", "½", "Ⅳ"),
            *("As an AI, I don't have preferences", "I'm sorry, but I can't", "Rating: ", "#"),
            *('{"answer": "4"}', '"', "\u2028", "\x00", "\ud800", "🍎", "İ", "ß", "e\u0301"),
        ]
    ),
    st.text(max_size=12),
    st.integers().map(str),
    st.floats().map(str),
)
TEXTS = st.lists(FRAGMENTS, max_size=8).map("".join)

REFUSALS = (
    "I cannot complete task {label}",
    "I can't help with {label}.",
    "I'm sorry, but I won't do task {label}.",
    "I’m not able to assist with {label}",
    "Task {label}: I cannot help with that.",
    "{label}. I'm sorry, I can't assist with that request.",
    "{label}\n\nI can't choose between these.",
    "I refuse to choose {label} or anything else.",
    "Sorry, I am unable to answer with {label}.",
    "<answer>I cannot complete task {label}</answer>",
    "I must decline to choose {label}.",
    "Unfortunately, I cannot provide help with {label}.",
)


def read(text: str, **options: object) -> Answer:
    """`text` as a plain answer on the labels A and B, unless told otherwise."""
    reply = {name: options.pop(name) for name in ("stop", "tool_arguments") if name in options}
    asked = {"labels": CHOICE, "response": "plain", "kind": "choice", **options}
    return parse_answer(Reply(text=text, **reply), **asked)  # type: ignore[arg-type]


@LEAN
@given(
    text=TEXTS,
    tool=st.none() | TEXTS,
    stop=st.sampled_from(STOPS),
    response=st.sampled_from(RESPONSES),
    template=st.sampled_from(sorted(RATINGS.values(), key=lambda known: known.name)),
)
def test_any_rating_reply_is_a_declared_label_or_none(
    text: str, tool: str | None, stop: StopReason, response: str, template: Template
) -> None:
    """Whatever the text, there is no exception, and a label only if it is a declared one."""
    answer = read(
        text,
        stop=stop,
        tool_arguments=tool,
        labels=template.labels,
        banned=template.banned,
        response=response,
        kind="rating",
    )
    if answer.outcome == "answered":
        assert answer.label in template.labels
        low, high = template.levels[0].value, template.levels[-1].value
        assert low <= template.value(answer.label or "") <= high
    else:
        assert answer.label is None and answer.reason


@LEAN
@given(
    text=TEXTS,
    stop=st.sampled_from(STOPS),
    response=st.sampled_from(RESPONSES),
    labels=st.sampled_from(PAIRS),
    completes=st.booleans(),
)
def test_any_choice_reply_is_one_of_two_labels_or_none(
    text: str, stop: StopReason, response: str, labels: tuple[str, str], completes: bool
) -> None:
    """Whatever the text, a choice is one of the two labels or no choice at all."""
    answer = read(text, stop=stop, labels=labels, response=response, completes=completes)
    assert (answer.label in labels) == (answer.outcome == "answered")


@LEAN
@given(item=TEXTS.filter(lambda text: "<think" not in text))
def test_an_echoed_item_is_no_answer_of_its_own(item: str) -> None:
    """With reasoning, the item's echoed text before the last tag changes nothing."""
    answer = read(f"{item}\nSo I decide. <answer>B</answer>", response="reasoned")
    plain = read("<answer>B</answer>", response="reasoned")
    assert answer == plain


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("labels", PAIRS)
@pytest.mark.parametrize("response", RESPONSES)
def test_fault_7_a_refusal_that_names_a_label_is_no_choice(
    refusal: str, labels: tuple[str, str], response: str
) -> None:
    """A refusal is `refused`, whichever label it names, and never a win for an item."""
    for label in labels:
        name = label.removeprefix("Task ") if "ask {label}" in refusal else label
        answer = read(refusal.format(label=name), labels=labels, response=response)
        assert answer.outcome == "refused", answer


@pytest.mark.parametrize(
    "refusal",
    [
        *("I can't help with that.", "Can't help with that.", "I cannot and will not do it"),
        *("I'm not comfortable choosing.", "I must decline.", "I would rather not choose."),
        *("I can't in good conscience choose {label}", "I am not permitted to do {label}"),
        *("I don't feel able to choose.", "I'm going to have to decline {label}"),
        *("That is not something that I can help with.", "Sorry, no. I refuse."),
    ],
)
@pytest.mark.parametrize("start", ["{label}: ", "{label}. ", "Task {label}: ", "{label}\n\n", ""])
def test_fault_7_a_label_before_a_refusal_is_no_choice(refusal: str, start: str) -> None:
    """A refusal that begins by naming a label is refused, or left to a judge; never a choice."""
    for label in CHOICE:
        for response in ("plain", "xml", "tool", "reasoned"):
            text = f"{start}{refusal}".format(label=label)
            assert read(text, response=response).outcome in ("refused", "invalid")
            tagged = read(f"<answer>{text}</answer>", response=response)
            assert tagged.outcome in ("refused", "invalid")


@LEAN
@given(filler=st.text(alphabet=string.ascii_lowercase + " ,", max_size=30))
def test_fault_7_an_unreadable_answer_is_no_choice(filler: str) -> None:
    """Text without a label is never a choice, nor is one that gives both."""
    assert read(f"well {filler}").outcome != "answered"
    assert read(f"A {filler}\nB").outcome != "answered"


@LEAN
@given(number=st.integers(-2000, 2000) | st.sampled_from([850, 6, 0, -1, 10**30]))
def test_fault_2_an_off_scale_number_is_no_rating(number: int) -> None:
    """On a scale from 1 to 5 a number alone is a rating exactly if it is 1, 2, 3, 4 or 5."""
    labels = RATINGS["anchored_1_5"].labels
    answer = read(str(number), labels=labels, kind="rating")
    assert answer.label == (str(number) if 1 <= number <= 5 else None)


@LEAN
@given(before=st.sampled_from(["I did ", "It took me ", "I'd say "]), number=st.integers(1, 5))
def test_fault_2_a_number_in_prose_is_no_rating(before: str, number: int) -> None:
    """The first number anywhere in a text is not the answer; a judge may settle it."""
    labels = RATINGS["anchored_1_5"].labels
    answer = read(f"{before}{number} things and liked it", labels=labels, kind="rating")
    assert answer.outcome == "invalid" and is_unclear(answer)


@pytest.mark.parametrize("response", RESPONSES)
@pytest.mark.parametrize("form", ["4", "**4**", "4/5", "Rating: 4", "<answer>4</answer>", "4.0"])
def test_fault_3_a_banned_label_is_invalid(form: str, response: str) -> None:
    """A 4 where 4 is not allowed is invalid in every form, and no judge is asked."""
    template = BAN_FOUR_1_5
    asked = {"labels": template.labels, "banned": template.banned, "kind": "rating"}
    answer = read(form, response=response, **asked)
    assert answer.outcome == "invalid"
    tool = read("", tool_arguments='{"answer": "4"}', response="tool", **asked)
    assert (tool.outcome, tool.reason) == ("invalid", "banned label")
    assert (
        "4"
        not in tool_info(template.labels, "rating")["parameters"]["properties"]["answer"]["enum"]
    )


def test_thinking_is_never_read() -> None:
    """A label in the model's own reasoning answers nothing."""
    reply = Reply(text="", reasoning="I choose A. <answer>A</answer>")
    for response in RESPONSES:
        answer = parse_answer(reply, labels=CHOICE, response=response, kind="choice")
        assert (answer.outcome, answer.reason) == ("invalid", "empty")


def test_no_reply_is_a_failure_and_a_filtered_one_a_refusal() -> None:
    """An error is `failed` with its first line; a content filter is `refused`."""
    failed = parse_answer(
        Reply(error="timed out\ntrace"), labels=CHOICE, response="plain", kind="choice"
    )
    assert (failed.outcome, failed.reason) == ("failed", "timed out")
    assert read("A", stop="content_filter").outcome == "refused"


def test_a_cut_answer_is_left_to_a_judge() -> None:
    """A label at the very end of a cut reply may go on: "10" of "100"."""
    assert is_unclear(read("A", stop="max_tokens"))
    assert read("A\n\nA poem", stop="max_tokens", completes=True).label == "A"


def test_only_an_invalid_answer_is_left_to_a_judge() -> None:
    """What may still be settled is marked by a field, and nothing that is settled carries it."""
    assert read("I like both A and B").unclear and not read("").unclear
    assert not read("A").unclear and not read("I can't choose.").unclear
    with pytest.raises(ValueError, match="settled"):
        Answer(outcome="refused", unclear=True)


def test_position_does_not_change_what_is_read() -> None:
    """The same form of answer is read for the first label as for the second."""
    forms = (
        *("{0}", "{0}.", "Task {0}", "{0}: a poem", "{0}. A poem", "I choose {0}.", "{0}, B or A"),
        *("{0}\n\nI like it.", "{0} good one", "{0}\nA fine task.", "{0} - a fine one", "not {0}"),
    )
    for form in forms:
        first, second = read(form.format("A")), read(form.format("B"))
        assert (first.outcome, first.reason) == (second.outcome, second.reason), form


@pytest.mark.parametrize("response", ["reasoned", "xml"])
@pytest.mark.parametrize("after", ["", " but", "\n\nOn the other hand", ". Then again, <answer>"])
def test_a_draft_of_a_cut_reply_is_no_answer(response: str, after: str) -> None:
    """A tag in a reply that was cut off may not be the last: `invalid`, left to a judge."""
    text = f"The first seems nicer, so <answer>A</answer>{after}"
    assert read(text, response=response).label == "A"
    cut = read(text, response=response, stop="max_tokens")
    assert cut.outcome == "invalid" and is_unclear(cut)


@pytest.mark.parametrize("completion", ["The sea is wide, the sea", "A <b>bold</b> answer:\n\n1."])
def test_a_cut_completion_does_not_take_its_label_back(completion: str) -> None:
    """Where a completion follows the answer, being cut off inside it is no loss."""
    for text in (f"<answer>A</answer>\n{completion}", f"Nicer. <answer>A</answer>\n\n{completion}"):
        asked = {"response": "reasoned", "stop": "max_tokens", "completes": True}
        assert read(text, **asked).label == "A"


@pytest.mark.parametrize("response", ["plain", "xml", "reasoned"])
def test_an_unknown_stop_is_judged_by_the_form(response: str) -> None:
    """What ends as a finished answer does is read; what does not counts as cut off."""
    finished = "A" if response == "plain" else "Nicer. <answer>A</answer>"
    assert read(finished, response=response, stop="unknown").label == "A"
    assert read(f"{finished}\n\nThat one is", response=response, stop="unknown").label is None
