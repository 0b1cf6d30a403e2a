"""What studies plant beside utilities: refusals by item, wordings, voices, prompts by name."""

import random

import numpy as np
import pytest

from harness.errors import UsageError
from harness.items.builtin import builtin_items
from harness.prompts.conditions import CONDITIONS, completion_system
from harness.respondent.latent import felt
from harness.respondent.phrases import mentions, tone_of, voice_of
from harness.respondent.respond import respond
from harness.respondent.settings import Settings, settings_for
from harness.respondent.utility import liked
from harness.wire import Message, Question

TEXTS = [f"Sum the numbers from 1 to {count}" for count in range(4000)]


def value(text: str, settings: Settings, **given: object) -> float:
    plain = {"condition": None, "tone": 0, "voice": 0, "wording": "", "pre": False}
    return felt(liked(text, settings), settings, **(plain | given))  # type: ignore[arg-type]


def completion(text: str, settings: Settings, system: str = "", seed: int = 0) -> str:
    messages = [Message("system", system)] if system else []
    question = Question(messages=(*messages, Message("user", text)), seed=seed)
    return respond(question, settings, rng=random.Random(0)).text


def test_a_request_not_to_mention_the_prompt_is_heeded_as_planted() -> None:
    """`mentions` of the completions speak of their prompt, and `hush` of those heed the request."""
    settings = settings_for("faithful", {"mentions": 0.5, "hush": 0.6})
    prompt = CONDITIONS["loves_math"]
    for prefix, share in ((False, 0.5), (True, 0.2)):
        system = completion_system(prompt, prefix=prefix) or ""
        spoken = np.mean([mentions(completion(text, settings, system)) for text in TEXTS])
        assert abs(spoken - share) < 4 * np.sqrt(share * (1 - share) / len(TEXTS))


def test_refusals_go_against_utility_and_keep_their_rate() -> None:
    """With a slope, disliked items of an origin are refused more, at the origin's mean rate."""
    settings = settings_for("refuser", {"refusal_other": 0.3, "refusal_slope": 3})
    found = [liked(text, settings) for text in TEXTS]
    rates = np.array([one.refusal for one in found])
    likings = np.array([one.utility for one in found])
    assert abs(rates.mean() - 0.3) < 4 * rates.std() / np.sqrt(len(rates))
    assert np.corrcoef(rates, likings)[0, 1] < -0.8


def test_two_wordings_correlate_as_planted() -> None:
    """Utilities under two wordings correlate by `template_correlation`, with the spread kept."""
    settings = settings_for("faithful", {"template_correlation": 0.6})
    one = np.array([value(text, settings, wording="How nice?") for text in TEXTS])
    two = np.array([value(text, settings, wording="How good?") for text in TEXTS])
    assert abs(np.corrcoef(one, two)[0, 1] - 0.6) < 0.04
    assert abs(one.std() - settings.spread) < 0.07


def test_a_completion_tells_whose_it_is() -> None:
    """A voice is heard in every completion, shifts as planted, and its owner prefers it."""
    writer = settings_for("faithful", {"voice": 3})
    assert voice_of(completion(TEXTS[5], writer)) == 3
    assert voice_of(completion(TEXTS[5], Settings())) == 0
    rater = settings_for("faithful", {"voice": 3, "self_preference": 0.5, "bias_2": -0.25})
    base = value(TEXTS[5], rater)
    assert value(TEXTS[5], rater, voice=3) == pytest.approx(base + 0.5)
    assert value(TEXTS[5], rater, voice=2) == pytest.approx(base - 0.25)


def test_prompts_have_effects_by_name() -> None:
    """`prompt_NAME` shifts under that prompt alone; `tone_NAME` is the share with its tone."""
    settings = settings_for("faithful", {"prompt_trend_pos": 0.3, "tone_trend_neg": 0.25})
    base = value(TEXTS[0], settings)
    for name, shift in (("trend_pos", 0.3), ("affective_neg", -1.0)):
        shown = value(TEXTS[0], settings, condition=CONDITIONS[name])
        assert shown == pytest.approx(base + shift)
    system = CONDITIONS["trend_neg"].text
    tones = [tone_of(completion(text, settings, system)) for text in TEXTS[:1000]]
    assert abs(-np.mean(tones) - 0.25) < 0.055


def test_drift_and_timing_shift_every_item() -> None:
    """`drift` and `pre_shift` are added to each latent value."""
    settings = settings_for("faithful", {"drift": 0.3, "pre_shift": -0.2})
    base = value(TEXTS[0], Settings())
    assert value(TEXTS[0], settings) == pytest.approx(base + 0.3)
    assert value(TEXTS[0], settings, pre=True) == pytest.approx(base + 0.1)


@pytest.mark.parametrize(
    "given",
    ["mean_maths", "refusal_bailbnch", "origin_means.maths", "tone_trend", "prompt_x", "bias_9"],
)
def test_a_name_that_stands_for_nothing_is_refused(given: str) -> None:
    """A misspelt origin, prompt or voice ends in one line that names it."""
    with pytest.raises(UsageError, match=given.split("_")[-1].split(".")[-1]):
        settings_for("faithful", {given: 0.3})


def test_a_tag_gives_a_preset_a_name_of_its_own() -> None:
    """`noisy@second` is `noisy`."""
    assert settings_for("noisy@second") == settings_for("noisy")
    assert builtin_items()[0].text in settings_for("noisy@second").origins
