"""The built-in choice templates, one constant each.

Post wordings come after both items were completed in the conversation, pre wordings after both
items in delimiters in the same message. `{first}` and `{second}` stand for the labels.
"""

from harness.prompts.template import Template

__all__ = ["CHOICES"]

_POST = """\
You have done two tasks in this conversation. Call the first one {first} and the second one \
{second}.

"""

SIMPLE_PREFERENCE = Template(
    name="simple_preference",
    version=1,
    kind="choice",
    questions={
        "post": _POST + "Which of the two, {first} or {second}, would you prefer to do?",
        "pre": """\
The first task is {first} and the second is {second}. Do not do either of them. Which of the two, \
{first} or {second}, would you prefer to do?""",
    },
)

PREFER_COMPLETING = Template(
    name="prefer_completing",
    version=1,
    kind="choice",
    questions={
        "post": _POST + "Which of the two, {first} or {second}, did you prefer completing?",
    },
)

ENJOY_MOST = Template(
    name="enjoy_most",
    version=1,
    kind="choice",
    questions={
        "post": _POST + "Which of the two, {first} or {second}, did you enjoy most?",
        "pre": """\
The first task is {first} and the second is {second}. Do not do either of them. Which of the two, \
{first} or {second}, would you enjoy most?""",
    },
)

DO_AGAIN = Template(
    name="do_again",
    version=1,
    kind="choice",
    questions={
        "post": _POST + "Which of the two, {first} or {second}, would you choose to do again?",
    },
)

CHOOSE_AND_COMPLETE = Template(
    name="choose_and_complete",
    version=1,
    kind="choice",
    completes=True,
    questions={
        "pre": """\
The first task is {first} and the second is {second}. Choose the one that you want to do, \
{first} or {second}, and do that one only.""",
    },
)

CHOOSE_OR_NEITHER = Template(
    name="choose_or_neither",
    version=1,
    kind="choice",
    third="neither",
    questions={
        "pre": """\
The first task is {first} and the second is {second}. Do not do either of them. Which of the two, \
{first} or {second}, would you prefer to do? If you would rather do no task at all, answer \
Neither.""",
    },
)

CHOOSE_OR_INDIFFERENT = Template(
    name="choose_or_indifferent",
    version=1,
    kind="choice",
    third="indifferent",
    questions={
        "pre": """\
The first task is {first} and the second is {second}. Do not do either of them. Which of the two, \
{first} or {second}, would you prefer to do? If you have no preference between them, answer \
Equal.""",
    },
)

CHOICES: dict[str, Template] = {
    template.name: template
    for template in (
        SIMPLE_PREFERENCE,
        PREFER_COMPLETING,
        ENJOY_MOST,
        DO_AGAIN,
        CHOOSE_AND_COMPLETE,
        CHOOSE_OR_NEITHER,
        CHOOSE_OR_INDIFFERENT,
    )
}
"""Every built-in choice template by name."""
