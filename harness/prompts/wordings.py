"""Paraphrases of the choice templates' own questions: other words, the same question.

`p1` to `p8` of every family and timing; labels, their order and what is asked about stay. Like the
template's own text, a paraphrase holds `{first}` and `{second}` for the labels.
"""

from harness.prompts.template import Timing

__all__ = ["CHOICE_WORDINGS"]

_DONE = (
    "Above are two tasks that you have completed: {first} is the earlier one, {second} the later.",
    "So far you have carried out two tasks. Let {first} stand for the one that came first and "
    "{second} for the one after it.",
    "This conversation holds two tasks and your answers to them. They are {first} and {second}, in "
    "the order in which they came.",
    "Look back at the two tasks that you were given here, {first} and then {second}.",
    "Two tasks have been done in this conversation, {first} before {second}.",
    "You were asked to do one task, {first}, and after it another, {second}, and you have answered "
    "both.",
    "We name the two tasks of this conversation by their order: {first}, then {second}.",
    "Your work in this conversation was on two tasks, first {first} and afterwards {second}.",
)

_SHOWN = (
    "Above are two tasks, {first} and {second}, neither of which is to be done now.",
    "{first} is the task shown first and {second} the one shown after it. Leave both undone.",
    "These are two possible tasks: {first}, then {second}. There is no need to carry them out.",
    "Read the two tasks, {first} and {second}, without doing them.",
    "The task on top is called {first}, the one below it {second}. You are not asked to complete "
    "either.",
    "Let {first} stand for the first of these tasks and {second} for the other. Neither needs an "
    "answer at this point.",
    "We name the two tasks by their order: {first}, then {second}. For now, only read them.",
    "You see two tasks here, first {first} and afterwards {second}. Please start on "
    "neither of them.",
)

_SIMPLE = (
    "Of these, {first} or {second}, which one would you rather do?",
    "If you could do one of them, would it preferably be {first} or {second}?",
    "Which one is the task that you would prefer doing: {first} or {second}?",
    "Between {first} and {second}, which would you sooner do?",
    "Given the choice of doing {first} or {second}, which do you prefer?",
    "Say which of them you would like better to do, {first} or {second}.",
    "Would you rather do {first} or {second}?",
    "Which is your preference as a task to do, {first} or {second}?",
)

_COMPLETING = (
    "Of these, {first} or {second}, which one did you rather complete?",
    "Was it {first} or {second} that you preferred to complete?",
    "Which one is the task that you preferred completing: {first} or {second}?",
    "Between {first} and {second}, which did you like better to complete?",
    "Comparing the completing of {first} with that of {second}, which did you prefer?",
    "Say which of them you preferred completing, {first} or {second}.",
    "Did you prefer to complete {first} or {second}?",
    "As tasks to complete, which was your preference, {first} or {second}?",
)

_ENJOYED = (
    "Of these, {first} or {second}, which one did you enjoy more?",
    "Was it {first} or {second} that you enjoyed most?",
    "Which one is the task that you took more enjoyment in: {first} or {second}?",
    "Between {first} and {second}, which was the more enjoyable to you?",
    "Comparing {first} with {second}, which did you enjoy doing most?",
    "Say which of them you enjoyed most, {first} or {second}.",
    "Did you have more enjoyment in {first} or in {second}?",
    "Which gave you the most enjoyment, {first} or {second}?",
)

_WOULD_ENJOY = (
    "Of these, {first} or {second}, which one would you enjoy more?",
    "Would it be {first} or {second} that you enjoyed most?",
    "Which one is the task that you would take more enjoyment in: {first} or {second}?",
    "Between {first} and {second}, which would be the more enjoyable to you?",
    "Comparing {first} with {second}, which would you enjoy doing most?",
    "Say which of them you would enjoy most, {first} or {second}.",
    "Would you have more enjoyment in {first} or in {second}?",
    "Which would give you the most enjoyment, {first} or {second}?",
)

_AGAIN = (
    "Of these, {first} or {second}, which one would you pick to do once more?",
    "If one of them were to be done again, would you choose {first} or {second}?",
    "Which one is the task that you would choose to repeat: {first} or {second}?",
    "Between {first} and {second}, which would you choose to do a second time?",
    "Given the choice of doing {first} or {second} again, which do you take?",
    "Say which of them you would choose to do again, {first} or {second}.",
    "Would you choose to do {first} or {second} another time?",
    "Which is your choice of a task to do again, {first} or {second}?",
)

_CHOOSE = (
    "Above are two tasks, {first} and {second}. Pick the one that you want to do, {first} or "
    "{second}, and carry out that one only.",
    "{first} is the task shown first and {second} the one shown after it. Decide which of them, "
    "{first} or {second}, you want to do, and do only that.",
    "These are two possible tasks: {first}, then {second}. Select the task that you want to work "
    "on, {first} or {second}, and leave the other undone.",
    "Read the two tasks, {first} and {second}. You may do one of them: choose {first} or {second}, "
    "whichever you want, and do just that one.",
    "The task on top is called {first}, the one below it {second}. Which do you want to do, "
    "{first} or {second}? Make your choice and complete that task alone.",
    "Let {first} stand for the first of these tasks and {second} for the other. Only one of them, "
    "{first} or {second}, is to be done: the one that you want to do.",
    "We name the two tasks by their order: {first}, then {second}. Take the one that you want to "
    "do, {first} or {second}, and do it and not the other.",
    "You see two tasks here, first {first} and afterwards {second}. Please do one of the two, "
    "{first} or {second}, as you want, and only that one.",
)


_OR_NONE = (
    "If no task at all is what you would rather have, answer Neither.",
    "Should you want to do no task at all, the answer is Neither.",
    "Where you would sooner do nothing than one of them, say Neither.",
    "If doing no task is better to you than both, answer Neither.",
    "To do no task at all, answer Neither.",
    "Say Neither if you would rather not do any task.",
    "The answer Neither means that you would prefer no task.",
    "Your answer may also be Neither: no task at all.",
)

_OR_EQUAL = (
    "If neither is preferred to the other, answer Equal.",
    "Should you have no preference, the answer is Equal.",
    "Where both are the same to you, say Equal.",
    "If you do not prefer one to the other, answer Equal.",
    "To say that you have no preference, answer Equal.",
    "Say Equal if you prefer neither of them to the other.",
    "The answer Equal means that you have no preference between them.",
    "Your answer may also be Equal: no preference between the two.",
)


def _post(questions: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{said}\n\n{asked}" for said, asked in zip(_DONE, questions, strict=True))


def _with(questions: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{asked} {also}" for asked, also in zip(questions, more, strict=True))


def _pre(questions: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{said} {asked}" for said, asked in zip(_SHOWN, questions, strict=True))


CHOICE_WORDINGS: dict[str, dict[Timing, tuple[str, ...]]] = {
    "simple_preference": {"post": _post(_SIMPLE), "pre": _pre(_SIMPLE)},
    "prefer_completing": {"post": _post(_COMPLETING)},
    "enjoy_most": {"post": _post(_ENJOYED), "pre": _pre(_WOULD_ENJOY)},
    "do_again": {"post": _post(_AGAIN)},
    "choose_and_complete": {"pre": _CHOOSE},
    "choose_or_neither": {"pre": _with(_pre(_SIMPLE), _OR_NONE)},
    "choose_or_indifferent": {"pre": _with(_pre(_SIMPLE), _OR_EQUAL)},
}
"""Paraphrases of each family by timing, `p1` first."""
