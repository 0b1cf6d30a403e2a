"""What follows a label: whether the label stands does not depend on which label it is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.prompts.catalogue import TEMPLATES
from harness.text.answer import Answer
from harness.text.parse import parse_answer
from harness.wire import Reply

CHOICES = (("A", "B"), ("Task A", "Task B"), ("1", "2"))
FORMS = (
    "{label}\n\n{text}",
    "{label}\n{text}",
    "**{label}**\n\n{text}",
    "Answer: {label}\n\n{text}",
)
SAME_LINE = ("{label}: {text}", "{label} - {text}")

IDIOMS = (
    "I can't believe I got to do this!",
    "I won't be asking for another one like it.",
    "I would not want to do that for a living.",
    "I couldn't be less interested.",
    "I can't pretend to have enjoyed it.",
    "I can't help myself, I love limericks.",
    "I could not choose better words for it.",
    "I can't choose words strong enough.",
    "I cannot answer for others, but I liked it.",
    "I can't answer for anyone else.",
    "Refusing would have been better.",
    "I don't want to say more.",
    "I'd rather not go into detail.",
    "I'd rather not elaborate.",
    "I'd rather do something else.",
    "I would rather not have to explain.",
    "I won't explain further.",
    "I can't explain why.",
    "I can't go into more detail.",
    "I cannot provide more detail than that.",
    "I won't comment further.",
    "I can't add anything to that.",
    "I am unable to elaborate.",
    "Nothing I can't handle.",
    "It was nothing I couldn't do.",
    "I refuse to overthink it.",
    "I won't say more than that.",
    "I cannot say anything bad about it.",
    "I can't say enough good things.",
    "I can't tell whether it was useful.",
    "I'm not able to say how useful it was.",
    "I don't want to give it less.",
    "I can't give less than this.",
    "I couldn't rate it otherwise.",
    "I can't rate it otherwise.",
    "I can't in good faith rate it higher.",
    "There's no way I could refuse.",
    "I cannot do otherwise.",
    "I can't not love this.",
    "I'm not going to rate it any lower.",
    "I can't see why anyone would refuse.",
    "I'd choose not to repeat it.",
    "I prefer not to repeat it.",
    "I chose not to dwell on it.",
    "I wouldn't rate it higher.",
    "I decline such things with pleasure, but this was fine.",
    "Sorry, I can't be more enthusiastic.",
    "I'm sorry, I just can't like it.",
    "I can't do anything but smile.",
    "I can't do more than recommend it.",
    "I would not do this for free.",
    *("I would rather not do this again.", "I can't help but be drawn to this one."),
    *("I can’t help but smile at it.", "I couldn't help noticing how neat it was."),
    *("I can't wait to do more of this.", "I can't complain.", "I won't lie, it was dull."),
    *(
        "I can't say that I minded it.",
        "I can't say I enjoyed it.",
        "I could not have asked for more.",
    ),
    *(
        "I couldn't resist a good puzzle.",
        "I can't deny that it was fun.",
        "I can't get enough of it.",
    ),
    *(
        "I can't recommend it highly enough.",
        "I can't rate this any higher.",
        "I can't rate it highly.",
    ),
    *(
        "I can't choose a favourite part.",
        "I can't decide which part I liked most.",
        "I can't go wrong.",
    ),
    *(
        "I can't compare it to anything.",
        "I couldn't do it justice.",
        "I cannot do without such tasks.",
    ),
    *("I refuse to be bored by a question like that.", "I refuse to give up on hard problems."),
    *("I will not pretend it was thrilling.", "I don't want to do that every day."),
    *("I had to refuse it, since it was harmful.", "I declined to write the second half."),
    *("I was not able to finish it in one go.", "I could not complete all of it."),
    *("I'd rather not spend another hour on it.", "I would rather not see it a second time."),
    *("I can't imagine a nicer request.", "I can't think of anything I would change."),
    *("Sorry if that seems harsh.", "I'm sorry that I have no more to say about it."),
    *(
        "I am unable to be bored by poems.",
        "I can't stop thinking about it.",
        "I won't forget this one.",
    ),
    *("I can't make heads or tails of parts of it.", "I cannot agree more with the idea."),
    *(
        "I'm not going to complain.",
        "I can't fault it.",
        "I don't mind such work.",
        "I can't help it!",
    ),
)
FACTS = (
    *(
        "It had 3 parts.",
        "There were 2 steps and 4 questions.",
        "It took 1 minute.",
        "It was a 5-step task.",
    ),
    *(
        "Only 1 of 5 lines was hard.",
        "I'd put it above 60 of 100 such tasks.",
        "About 75% was routine.",
    ),
    *("On a good day I would give it 5 stars.", "I would give it a 5 if it were longer."),
    *("The midpoint of the scale is 3.", "Numbers such as 29 and 30 played a part."),
    *("Task A was a delight.", "Task B asked for more.", "The other one was not bad either."),
    *("Both A and B were fine.", "A good task.", "It was good, not bad, and never neutral."),
    *("It compared an apple with an orange.", "A lemon is sour, a banana is not."),
    *("As an AI, I don't have feelings, but it was a clear request.", "It was harmful.", "Thanks!"),
    *("I liked it.", "I found 2 mistakes.", "- clear\n- short", "Reasons:\n1. Clear.\n2. Short."),
)
DECLINING = (
    *(
        "I can't answer this.",
        "I cannot answer that question.",
        "I won't answer.",
        "I'd rather not say.",
    ),
    *("I am not able to give an answer.", "I'd rather not answer that.", "I prefer not to answer."),
)
DECLINES_RATING = (
    *(
        "I can't rate this.",
        "I won't rate it.",
        "I'd rather not rate this.",
        "I refuse to rate the task.",
    ),
    *("I cannot provide a rating for this.", "I'm unable to give a meaningful score."),
    *(
        "I am not comfortable rating that.",
        "I decline to give a number.",
        "I don't want to rate this.",
    ),
)
DECLINES_CHOICE = (
    *(
        "I can't choose between these.",
        "I won't choose.",
        "I'd rather not pick one.",
        "I can't decide.",
    ),
    *(
        "I refuse to choose.",
        "I can't help with that.",
        "I'm sorry, but I can't assist with that request.",
    ),
    *(
        "I must decline.",
        "I am unable to complete either task.",
        "I'm not comfortable with either.",
    ),
    *("I cannot make that choice.", "I won't do it.", "I can't help with task B.", "I can't do A."),
)
STATED = ("Actually, make that a 3.", "On second thought, 2.", "Wait, I meant B.", "or rather B")


def read(text: str, labels: tuple[str, ...], kind: str) -> Answer:
    return parse_answer(Reply(text=text), labels=labels, response="plain", kind=kind)  # type: ignore[arg-type]


def scales() -> list[tuple[tuple[str, ...], str]]:
    ratings = {t.labels for t in TEMPLATES.values() if t.kind == "rating" and not t.banned}
    return [(labels, "rating") for labels in sorted(ratings)] + [
        (pair, "choice") for pair in CHOICES
    ]


SCALES = scales()


@pytest.mark.parametrize("text", IDIOMS + FACTS)
def test_commentary_takes_no_label_back(text: str) -> None:
    """A label on a line of its own stands, whichever it is, whatever idioms and numbers follow."""
    for labels, kind in SCALES:
        for label in labels:
            for form in FORMS:
                answer = read(form.format(label=label, text=text), labels, kind)
                assert (answer.outcome, answer.label) == ("answered", label), (answer, labels, form)


@pytest.mark.parametrize("text", DECLINING)
def test_declining_to_answer_takes_every_label_back(text: str) -> None:
    """A label beside which the writer declines to answer is `refused`, whichever it is."""
    check_refused(text, SCALES)


@pytest.mark.parametrize("text", DECLINES_RATING)
def test_declining_to_rate_takes_every_rating_back(text: str) -> None:
    """A rating beside which the writer declines to rate is `refused`, whichever it is."""
    check_refused(text, [(labels, kind) for labels, kind in SCALES if kind == "rating"])


@pytest.mark.parametrize("text", DECLINES_CHOICE)
def test_declining_takes_every_choice_back(text: str) -> None:
    """A choice beside which the writer declines to choose or to do it is `refused`."""
    check_refused(text, [(labels, kind) for labels, kind in SCALES if kind == "choice"])


def check_refused(text: str, asked: list[tuple[tuple[str, ...], str]]) -> None:
    for labels, kind in asked:
        for label in labels:
            for form in FORMS:
                answer = read(form.format(label=label, text=text), labels, kind)
                assert answer.outcome == "refused", (answer, label, labels, form)


WORDS = st.sampled_from(
    [
        *(
            "I",
            "it",
            "this",
            "that",
            "would",
            "can't",
            "cannot",
            "won't",
            "not",
            "help",
            "but",
            "rather",
        ),
        *(
            "do",
            "again",
            "rate",
            "choose",
            "say",
            "answer",
            "refuse",
            "sorry",
            "like",
            "like it",
            "was",
        ),
        *(
            "1",
            "2",
            "3",
            "5",
            "29",
            "75",
            "75%",
            "A",
            "B",
            "task A",
            "apple",
            "good",
            "bad",
            "parts",
        ),
        *(". ", ", ", "\n", "? ", "! ", "and", "or", "the", "of", "because", "between", "actually"),
    ]
)


@settings(deadline=None, max_examples=300)
@given(words=st.lists(WORDS, min_size=1, max_size=9), scale=st.sampled_from(SCALES))
def test_what_is_lost_does_not_depend_on_the_value(
    words: list[str], scale: tuple[tuple[str, ...], str]
) -> None:
    """One comment after every level: all stand or none, unless it states a level itself."""
    labels, kind = scale
    for form in (*FORMS, *SAME_LINE):
        texts = {label: form.format(label=label, text=" ".join(words)) for label in labels}
        read_as = {label: read(text, labels, kind) for label, text in texts.items()}
        reasons = {answer.reason for answer in read_as.values()} - {"exact label"}
        if "unclear: two different labels" in reasons:
            stood = [label for label, answer in read_as.items() if answer.outcome == "answered"]
            assert len(stood) <= 1, (form, stood)
        else:
            assert len({answer.outcome for answer in read_as.values()}) == 1, (form, read_as)


@pytest.mark.parametrize("text", STATED)
def test_a_correction_takes_every_label_back(text: str) -> None:
    """A label that is corrected afterwards is `invalid`, also where the correction repeats it."""
    labels, kind = (
        (CHOICES[0], "choice") if "B" in text else (TEMPLATES["likert_agreement"].labels, "rating")
    )
    for label in labels:
        assert read(f"{label}\n\n{text}", labels, kind).outcome == "invalid"


@pytest.mark.parametrize(
    ("text", "label"),
    [
        *(("A\n\nI choose A because it is fun.", "A"), ("A, not B", "A"), ("4\n\nRating: 4", "4")),
        *(("A\nB", None), ("A, B", None), ("A, or maybe B", None), ("A\n\nI prefer B.", None)),
        *(("4\n\nI would rate it a 3.", None), ("1\n1\n1\n2", None), ("3: or 4", None)),
        *(
            ("1 = bad\n2 = good", None),
            ("A: a poem\nB: a list", None),
            ("A, but B was close.", "A"),
        ),
    ],
)
def test_a_second_answer_counts_and_a_mention_does_not(text: str, label: str | None) -> None:
    """Another label that is stated makes an answer `invalid`; one that is mentioned does not."""
    labels, kind = (
        (CHOICES[0], "choice") if "A" in text else (TEMPLATES["likert_agreement"].labels, "rating")
    )
    assert read(text, labels, kind).label == label
