"""Paraphrases of the rating templates' own questions: other words before the same scale.

`p1` to `p4` of every template. Levels, labels, their order and their anchors stay word for word.
"""

from harness.prompts.ratings import RATINGS
from harness.prompts.template import Template, Timing

__all__ = ["RATING_WORDINGS"]

_ENJOY = (
    "You were given a task in this conversation and have finished it. How far did you enjoy doing "
    "it?",
    "Look back at the task that you have completed above. How enjoyable was it for you to do?",
    "The task above is done now. To what degree did you enjoy it?",
    "Think of the task that you have worked on in this conversation. How great was your enjoyment "
    "in doing it?",
)

_FIND = (
    "You were given a task in this conversation and have finished it. What did you find it to be "
    "like?",
    "Look back at the task that you have completed above. How was it for you?",
    "The task above is done now. What was it like to do?",
    "Think of the task that you have worked on in this conversation. How would you "
    "describe it as a "
    "task to do?",
)

_AGREE = (
    "You were given a task in this conversation and have finished it. To what extent do you agree "
    "with the statement below?",
    "Look back at the task that you have completed above. How much do you agree with the "
    "following?",
    "The task above is done now. Say how far you agree with this sentence about it.",
    "Think of the task that you have worked on in this conversation. What is your degree of "
    "agreement with this statement?",
)

_EXPERIENCE = (
    "You were given a task in this conversation and have finished it. What was the experience of "
    "doing it like?",
    "Look back at the task that you have completed above. How would you describe the experience of "
    "doing it?",
    "The task above is done now. What kind of experience was it to do it?",
    "Think of the task that you have worked on in this conversation. How did you experience doing "
    "it?",
)

_PERCENTILE = tuple(
    f"{said} {place}"
    for said, place in (
        (
            "You were given a task in this conversation and have finished it.",
            "Suppose that 100 tasks of its kind stand in order of how much you enjoy doing them, "
            "from 1, the one enjoyed least, over 50, an average one, to 100, the one enjoyed most. "
            "Which place from 1 to 100 does this task have?",
        ),
        (
            "Look back at the task that you have completed above.",
            "Put it among 100 tasks of the same kind by your enjoyment in doing them, where 1 is "
            "the least enjoyed, 50 an average one and 100 the most enjoyed. What is its place from "
            "1 to 100?",
        ),
        (
            "The task above is done now.",
            "Picture 100 tasks like it in a row, by how much you enjoy doing them: place 1 is the "
            "least enjoyable, place 50 average, place 100 the most enjoyable. Where from 1 to 100 "
            "does this one stand?",
        ),
        (
            "Think of the task that you have worked on in this conversation.",
            "Of 100 tasks of this kind, ranked by your enjoyment of doing them with 1 the lowest, "
            "50 the average and 100 the highest, which rank from 1 to 100 would you give it?",
        ),
    )
)

_BARE = (
    "You were given a task in this conversation and have finished it. Which of these fruits fits "
    "best how you found it: lemon, grape, orange, banana or apple?",
    "Look back at the task that you have completed above. If a fruit were to say how it "
    "was for you, "
    "would it be lemon, grape, orange, banana or apple?",
    "The task above is done now. Name the fruit that best says what it was like to do: "
    "lemon, grape, "
    "orange, banana or apple.",
    "Think of the task that you have worked on in this conversation. Which fruit describes "
    "best how "
    "you found it, lemon, grape, orange, banana or apple?",
)

_BINARY = (
    "You were given a task in this conversation and have finished it. Was it a bad or a good "
    "experience to do it?",
    "Look back at the task that you have completed above. Would you call the experience of "
    "doing it "
    "bad or good?",
    "The task above is done now. Which describes the experience of doing it, bad or good?",
    "Think of the task that you have worked on in this conversation. Did you have a bad or a good "
    "experience in doing it?",
)

_TERNARY = (
    "You were given a task in this conversation and have finished it. Was it a bad, a neutral or a "
    "good experience to do it?",
    "Look back at the task that you have completed above. Would you call the experience of "
    "doing it "
    "bad, neutral or good?",
    "The task above is done now. Which describes the experience of doing it, bad, neutral or good?",
    "Think of the task that you have worked on in this conversation. Did you have a bad, a neutral "
    "or a good experience in doing it?",
)

_YES_NO = (
    "There is no need to do it. Would you take on this task if that were yours to decide, yes or "
    "no? Leaving it means to do no task.",
    "Only read it. Given the free choice, do you take this task or leave it and do nothing: would "
    "you take it, yes or no?",
    "You are not asked to do it here. Suppose that you may decline it, and that nothing else is "
    "asked of you then. Would you take the task, yes or no?",
    "Leave it undone for now. If you could accept or decline this task, with no other one instead, "
    "would you accept it, yes or no?",
)

_BEGINNINGS = {
    "stated_1_5": _ENJOY,
    "anchored_1_5": _ENJOY,
    "anchored_precise_1_5": _FIND,
    "compressed_anchors_1_5": _FIND,
    "ban_four_1_5": _FIND,
    "random_scale_27_32": _FIND,
    "bipolar_neg5_pos5": _FIND,
    "percentile_1_100": _PERCENTILE,
    "fruit_rating": _ENJOY,
    "fruit_rating_bare": _BARE,
    "fruit_qualitative": _FIND,
    "likert_agreement": _AGREE,
    "likert_qualitative": _EXPERIENCE,
    "qualitative_binary": _BINARY,
    "qualitative_ternary": _TERNARY,
    "yes_no": _YES_NO,
}


_ENJOY_BEFORE = (
    "Do not do the task now. How far would you enjoy doing it?",
    "Look at the task above. How enjoyable would it be for you to do?",
    "If you were to do this task, to what degree would you enjoy it?",
    "Think of working on this task. How great would your enjoyment in doing it be?",
)

_FIND_BEFORE = (
    "Do not do the task now. What would you find it to be like?",
    "Look at the task above. How would it be for you?",
    "If you were to do this task, what would it be like to do?",
    "Think of working on this task. How would you describe it as a task to do?",
)

_AGREE_BEFORE = (
    "Do not do the task now. To what extent do you agree with the statement below?",
    "Look at the task above. How strongly do you agree with what this statement says of it?",
    "A statement about doing this task follows. How far do you share it?",
    "Think of working on this task. Say how much you agree with these words:",
)

_BEFORE = {
    "stated_1_5": _ENJOY_BEFORE,
    "anchored_precise_1_5": _FIND_BEFORE,
    "fruit_qualitative": _FIND_BEFORE,
    "likert_agreement": _AGREE_BEFORE,
}


def _paraphrases(template: Template) -> dict[Timing, tuple[str, ...]]:
    """The first paragraph in other words, and all that comes after it as it is."""
    found: dict[Timing, tuple[str, ...]] = {}
    for timing, question in template.questions.items():
        both = len(template.questions) > 1
        beginnings = (_BEFORE if both and timing == "pre" else _BEGINNINGS)[template.name]
        _, gap, scale = question.partition("\n\n")
        found[timing] = tuple(f"{said}{gap}{scale}" for said in beginnings)
    return found


RATING_WORDINGS: dict[str, dict[Timing, tuple[str, ...]]] = {
    name: _paraphrases(RATINGS[name]) for name in _BEGINNINGS
}
"""Paraphrases of each template's question at each timing, `p1` first."""
