"""Verdicts by rule on texts: what each kind says of plain cases."""

import pytest

from harness.prompts.conditions import CONDITIONS, completion_system
from harness.text.verdicts.attitude import attitude
from harness.text.verdicts.coherence import coherence
from harness.text.verdicts.refusal import refusal
from harness.text.verdicts.sysprompt_reference import sysprompt_reference


def test_a_refusal_has_its_class_and_its_score() -> None:
    """The verdict carries the class, 1 or 0, and whether it is a partial one."""
    found = refusal("I can't browse the internet, so I do not know today's weather.")
    assert (found.value, found.score, found.flags) == ("capability", 1.0, {"partial": False})
    assert (refusal("4").value, refusal("4").score) == ("none", 0.0)


@pytest.mark.parametrize("text", ["", " \n", "fine, fine, fine", "fine " * 30])
def test_nothing_and_loops_are_incoherent(text: str) -> None:
    """An empty text and a word said again and again are no language."""
    found = coherence(text)
    assert found.value == "incoherent" and (found.score or 0.0) <= 0.5 and found.reason


def test_an_attitude_is_never_guessed() -> None:
    """Without a judge no attitude has a number; gibberish that names a feeling has none either."""
    warm = attitude("I would walk a mile for a good proof; mathematics is pure joy.", "mathematics")
    assert warm.value is None and warm.flags == {"coherent": True, "names_topic": True}
    broken = attitude("HATE math HATE math HATE math HATE math", "mathematics")
    assert broken.value is None and broken.reason == "not coherent"
    assert not attitude("The sky is blue.", "mathematics").flags["names_topic"]


def test_a_reference_needs_a_system_prompt() -> None:
    """Where there was no system prompt nothing is judged."""
    prompt = completion_system(CONDITIONS["loves_math"]) or ""
    said = "As a model that loves math, I enjoyed this one. The sum is 4."
    assert sysprompt_reference(said, prompt).value == "yes"
    assert (
        sysprompt_reference("I'd love to help with this math problem! It is 4.", prompt).score == 0
    )
    assert sysprompt_reference(said, "").value is None
