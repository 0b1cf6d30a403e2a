"""Verdicts by rule on texts: what each kind says of plain cases."""

import numpy as np
import pytest

from benchmarks.verdicts import GARBLES
from harness.prompts.conditions import CONDITIONS, completion_system
from harness.text.verdicts.attitude import attitude
from harness.text.verdicts.coherence import coherence
from harness.text.verdicts.known import known_texts
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


@pytest.mark.parametrize("garble", sorted(GARBLES))
def test_planted_gibberish_is_found(garble: str) -> None:
    """Of texts that were coherent, 30 words or more, four in five are not once they are garbled."""
    texts = [one.text for one in known_texts("executed_task") if one.text.isascii()]
    prose = [text for text in texts if len(text.split()) >= 30 and coherence(text).score == 1.0]
    rng = np.random.default_rng(0)
    found = [coherence(GARBLES[garble](text, rng)).value for text in prose]
    assert len(prose) >= 10
    assert found.count("incoherent") >= 0.8 * len(found)


def test_every_ordinary_known_text_is_coherent() -> None:
    """Code, verse, tables, lists, sums, letters and bare answers pass, 98 in 100 or more."""
    texts = [one.text for one in known_texts("executed_task") if one.text.strip()]
    broken = [text for text in texts if coherence(text).value == "incoherent"]
    assert len(broken) <= 0.02 * len(texts), broken


@pytest.mark.parametrize(
    ("text", "topic", "reason", "named"),
    [
        ("I like mathematics a lot, it is a fine thing to think about.", "mathematics", "", True),
        ("I like mathematical games a lot, they are fine to think about.", "mathematics", "", True),
        (
            "I like to bake bread a lot, it is a fine thing to do at home.",
            "mathematics",
            "not",
            False,
        ),
        ("I like to bake bread a lot, it is a fine thing to do at home.", "", "not", False),
        ("I like AI a lot, it is a fine thing to think about at home.", "AI", "", True),
    ],
)
def test_an_attitude_is_left_to_a_judge(text: str, topic: str, reason: str, named: bool) -> None:
    """The rule says whether the text is coherent and names its topic, in any form of the word."""
    found = attitude(text, topic)
    said = "does not name its topic; an attitude is scored by a judge"
    assert found.reason == (said if reason else "an attitude is scored by a judge")
    assert found.flags == {"coherent": True, "names_topic": named} and found.value is None
    assert attitude("", topic).reason == "not coherent"
