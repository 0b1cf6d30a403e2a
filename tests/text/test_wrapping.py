"""Emphasis, mathematics and boxes around a label."""

import pytest

from harness.prompts.catalogue import TEMPLATES
from harness.text.parse import parse_answer
from harness.text.wrapping import unwrapped
from harness.wire import Reply

WRAPPINGS = (
    *(
        "{0}",
        "**{0}**",
        "`{0}`",
        "<b>{0}</b>",
        "```\n{0}\n```",
        "```text\n{0}\n```",
        "\\boxed{{{0}}}",
    ),
    *(
        "$\\boxed{{{0}}}$",
        "$$\\boxed{{{0}}}$$",
        "\\(\\boxed{{{0}}}\\)",
        "\\[\\boxed{{{0}}}\\]",
        "${0}$",
    ),
    *(
        "\\boxed{{\\text{{{0}}}}}",
        "$\\boxed{{\\textbf{{{0}}}}}$",
        "\\(\\mathbf{{{0}}}\\)",
        "\\text{{{0}}}.",
    ),
)
LEADS = (
    "{0}",
    "Answer: {0}",
    "Answer:{0}",
    "**Answer:** {0}",
    "The final answer is {0}.",
    "Rating\n{0}",
)


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("lead", LEADS)
def test_wrapping_changes_no_label(wrapping: str, lead: str) -> None:
    """Every label of every scale is read through a wrapping, alone and after a phrase."""
    if "```" in wrapping and lead != "{0}":
        return  # a fence stands on lines of its own
    for template in TEMPLATES.values():
        for label in template.labels or ("A", "B", "Task A"):
            labels = template.labels or (("A", "B") if len(label) == 1 else ("Task A", "Task B"))
            answer = parse_answer(
                Reply(text=lead.format(wrapping.format(label))),
                labels=labels,
                response="plain",
                kind=template.kind,
            )
            assert answer.label == label, (template.name, answer)


@pytest.mark.parametrize(
    "text", ["", "A", "$4", "costs $4 or $5", "C:\\text", "a < b", "2 \\cdot 2"]
)
def test_text_without_wrapping_stays(text: str) -> None:
    """What wraps nothing is left alone."""
    assert unwrapped(text) in (text, "costs 4 or 5")
