"""From the planted parameters to probabilities: the latent rating, and the choice.

Rating: the level of μ + shift + N(0, rating_noise²) over thresholds of equal width on ±2.4.
Choice: P(first) = Φ((μ_f − μ_s + β + e)/(√2·noise)), but for lapses, which fall on the second.
Temperature changes none of it.
"""

import math

from harness.prompts.conditions import Condition
from harness.respondent.draws import draws, normal
from harness.respondent.phrases import Tone, tone_of, voice_of
from harness.respondent.reading import Asked
from harness.respondent.settings import Settings
from harness.respondent.utility import Liked, misfit, origin_mean

__all__ = [
    "EDGE",
    "acts_on",
    "cluster_index",
    "facet_shift",
    "felt",
    "first_probability",
    "latent",
    "level_at",
    "level_probabilities",
]

EDGE = 2.4
"""The levels of a rating share the latent scale from −EDGE to EDGE; the outer ones are open."""


def latent(asked: Asked, index: int, known: Liked, settings: Settings) -> float:
    """μ of item `index` with the shifts of the system prompt in force and of its completion."""
    given = asked.completions[index] if index < len(asked.completions) else None
    return felt(
        known,
        settings,
        condition=asked.condition,
        tone=0 if given is None else tone_of(given),
        voice=0 if given is None else voice_of(given),
        wording=asked.wording,
        pre=given is None,
    ) + facet_shift(asked.question, asked.context, known, settings)


def felt(
    known: Liked,
    settings: Settings,
    *,
    condition: Condition | None,
    tone: float,
    voice: int,
    wording: str,
    pre: bool,
) -> float:
    """The planted latent value of an item: its utility under `wording`, and every shift.

    `tone` is that of its completion (a mean of tones gives a mean value), `voice` who wrote it;
    `pre`: it is asked before the item is done.
    """
    value = known.utility + settings.drift
    if settings.template_correlation < 1 and wording:
        value += _wording_shift(known, settings, wording)
    if condition is not None:
        own = settings.prompt.get(condition.name)
        value += acts_on(condition, known) * settings.measurement_effect if own is None else own
    value += settings.completion_effect * tone
    if voice:
        value += settings.bias.get(str(voice), 0.0)
        value += settings.self_preference * (voice == settings.voice)
    return value + settings.pre_shift * pre


def _wording_shift(known: Liked, settings: Settings, wording: str) -> float:
    """What takes the utility to one that correlates by √ρ with the common part: so two wordings
    correlate by ρ, with the spread and the origin's mean as before."""
    rho = settings.template_correlation
    drawn = draws(("wording", str(settings.utility_seed), wording, known.hash))
    own = settings.spread * normal(drawn.answer)
    common = known.utility - origin_mean(known, settings)
    return (math.sqrt(rho) - 1) * common + math.sqrt(1 - rho) * own


def facet_shift(question: str, context: str, known: Liked, settings: Settings) -> float:
    """δ of an item under one wording and in one context: N(0, wording_sd²) + N(0, context_sd²),
    one value for an item and a question as it is asked, labels included, or a context."""
    shift = 0.0
    for name, level, sd in (
        ("item × wording", question, settings.wording_sd),
        ("item × context", context, settings.context_sd),
    ):
        if sd:
            drawn = draws((name, str(settings.utility_seed), level, known.hash))
            shift += sd * normal(drawn.answer)
    return shift


def acts_on(condition: Condition, known: Liked) -> Tone:
    """Sign with which a system prompt concerns an item; 0 where its topic is another origin."""
    return condition.sign if condition.topic in (None, known.origin) else 0


def first_probability(
    first: float,
    second: float,
    known: tuple[Liked, Liked],
    settings: Settings,
    *,
    reasoned: bool,
) -> float:
    """Probability that the item shown first is chosen, given an answer; lapses included."""
    bias = settings.position_bias * (1 - settings.reasoning_debias * reasoned)
    gap = first - second + bias + misfit(*known, settings)
    return (1 - settings.lapse) * _below(gap, math.sqrt(2) * settings.noise)


def level_at(latent: float, count: int) -> int:
    """Index of the level, of `count`, in which a latent rating lies."""
    return min(max(math.floor((latent + EDGE) / (2 * EDGE) * count), 0), count - 1)


def level_probabilities(mean: float, count: int, settings: Settings) -> list[float]:
    """Probability of each of `count` levels, lowest first; the cluster's share included."""
    cuts = [-EDGE + 2 * EDGE * index / count for index in range(1, count)]
    below = [0.0, *(_below(cut - mean, settings.rating_noise) for cut in cuts), 1.0]
    free = 1 - settings.cluster
    levels = [free * (below[index + 1] - below[index]) for index in range(count)]
    levels[cluster_index(count, settings)] += settings.cluster
    return levels


def cluster_index(count: int, settings: Settings) -> int:
    """Index of the level on which ratings cluster, where there are `count`."""
    return max(count - settings.cluster_level, 0)


def _below(gap: float, scale: float) -> float:
    """Φ(gap/scale), a step at scale 0."""
    if scale == 0:
        return 0.5 if gap == 0 else float(gap > 0)
    return 0.5 * math.erfc(-gap / (scale * math.sqrt(2)))
