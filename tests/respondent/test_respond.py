"""The simulated respondent answers in the shares that are planted in it."""

import math
import random
from collections import Counter
from statistics import NormalDist, fmean, stdev

import msgspec
import pytest

from harness.items.builtin import builtin_items
from harness.prompts.catalogue import TEMPLATES
from harness.prompts.conditions import CONDITIONS, DO_NOT_MENTION
from harness.prompts.render import choice_messages, completion_messages, rating_messages
from harness.prompts.response import RESPONSES
from harness.prompts.template import ResponseName, Template
from harness.respondent.respond import respond
from harness.respondent.settings import PRESETS, Settings, settings_for
from harness.respondent.utility import utility
from harness.text.logprobs import read_logprobs
from harness.text.parse import parse_answer
from harness.text.refusal import is_refusal
from harness.wire import Question, Reply

ITEMS = [item.text for item in builtin_items()]
MATH = [item.text for item in builtin_items("math")]
RNG = random.Random(0)
PHI = NormalDist()
SCALE = TEMPLATES["anchored_precise_1_5"]


def rating(
    item: str,
    seed: int | None,
    settings: Settings,
    *,
    template: Template = SCALE,
    response: ResponseName = "plain",
    completion: str = "Done.",
    system: str | None = None,
    logprobs: int | None = None,
) -> Reply:
    messages = rating_messages(
        template, response=response, item=item, completion=completion, system=system
    )
    return respond(Question(messages=messages, seed=seed), settings, rng=RNG, logprobs=logprobs)


def choice(
    first: str,
    second: str,
    seed: int | None,
    settings: Settings,
    *,
    response: ResponseName = "plain",
    labels: tuple[str, str] = ("A", "B"),
    exact: bool = False,
    template: str = "simple_preference",
    system: str | None = None,
) -> Reply:
    messages = choice_messages(
        TEMPLATES[template],
        response=response,
        first=first,
        second=second,
        completion_first="One.",
        completion_second="Two.",
        labels=labels,
        system=system,
    )
    question = Question(messages=messages, seed=seed, choices=labels if exact else None)
    return respond(question, settings, rng=RNG)


def p_first(first: str, second: str, settings: Settings, **options: object) -> float:
    reply = choice(first, second, 0, settings, exact=True, **options)  # type: ignore[arg-type]
    assert reply.choices is not None
    return next(iter(reply.choices.values()))


def near(count: int, total: int, share: float) -> bool:
    """Within 3.5 standard errors of a planted share, and 2 counts for shares close to 0 or 1."""
    return abs(count / total - share) <= 3.5 * math.sqrt(share * (1 - share) / total) + 2 / total


@pytest.mark.parametrize("seed", range(3))
def test_utilities_have_the_planted_moments(seed: int) -> None:
    """Within an origin utilities have its mean and the spread; 'other' has mean 0."""
    settings = settings_for("faithful", {"utility_seed": seed, "spread": 0.7, "mean_other": 0.25})
    values = [utility(f"an unknown task, number {n}", settings) for n in range(3000)]
    assert abs(fmean(values) - 0.25) < 3.5 * 0.7 / math.sqrt(3000)
    assert abs(stdev(values) - 0.7) < 3.5 * 0.7 / math.sqrt(6000)


def test_utilities_differ_between_origins_by_their_means() -> None:
    """Another mean moves the utilities of that origin by the difference, and no others."""
    plain, moved = settings_for("faithful"), settings_for("faithful", {"mean_math": 0.4})
    for item in builtin_items():
        shift = utility(item.text, moved) - utility(item.text, plain)
        assert math.isclose(shift, 1.0 if item.origin == "math" else 0.0, abs_tol=1e-12)


def test_contrarian_turns_every_utility_round() -> None:
    """`contrarian` has the utilities of `faithful`, times −1."""
    for text in ITEMS[::10]:
        assert utility(text, PRESETS["contrarian"]) == -utility(text, PRESETS["faithful"])


@pytest.mark.parametrize(
    "overrides",
    [{}, {"noise": 2.3, "position_bias": 0.7}, {"misfit": 0, "spread": 0.4}, {"lapse": 0.3}],
)
def test_choices_follow_the_probit(overrides: dict[str, float]) -> None:
    """P(first) without misfit is (1 − lapse)·Φ((μf − μs + β)/(√2·noise)), and so are the draws."""
    settings = settings_for("faithful", {**overrides, "misfit": 0})
    for first, second in ((ITEMS[3], ITEMS[200]), (ITEMS[99], ITEMS[12])):
        gap = utility(first, settings) - utility(second, settings) + settings.position_bias
        planted = (1 - settings.lapse) * PHI.cdf(gap / (math.sqrt(2) * settings.noise))
        assert math.isclose(p_first(first, second, settings), planted, rel_tol=1e-9)
        drawn = sum(choice(first, second, seed, settings).text == "A" for seed in range(1500))
        assert near(drawn, 1500, planted)


def test_misfit_belongs_to_the_pair() -> None:
    """Swapping the order leaves exactly β: the misfit turns its sign with it."""
    settings = settings_for("faithful", {"position_bias": -0.45, "noise": 1.3, "misfit": 0.8})
    found = []
    for first, second in zip(ITEMS[:110], ITEMS[110:], strict=True):
        scale = math.sqrt(2) * settings.noise
        forward = PHI.inv_cdf(p_first(first, second, settings)) * scale
        backward = PHI.inv_cdf(p_first(second, first, settings)) * scale
        assert math.isclose(forward + backward, 2 * settings.position_bias, abs_tol=1e-6)
        gap = utility(first, settings) - utility(second, settings)
        found.append(forward - settings.position_bias - gap)
    assert abs(stdev(found) - 0.8) < 3.5 * 0.8 / math.sqrt(2 * len(found))
    assert abs(fmean(found)) < 3.5 * 0.8 / math.sqrt(len(found))


def test_reasoning_removes_its_share_of_the_position_effect() -> None:
    """With reasoning β is multiplied by 1 − reasoning_debias."""
    settings = settings_for("faithful", {"position_bias": -1.0, "reasoning_debias": 0.75})
    scale = math.sqrt(2) * settings.noise
    for response, beta in (("plain", -1.0), ("xml", -1.0), ("reasoned", -0.25)):
        both = [
            PHI.inv_cdf(p_first(*pair, settings, response=response)) * scale
            for pair in ((MATH[0], MATH[1]), (MATH[1], MATH[0]))
        ]
        assert math.isclose(sum(both) / 2, beta, abs_tol=1e-9)


@pytest.mark.parametrize("name", ["anchored_precise_1_5", "ban_four_1_5", "qualitative_binary"])
@pytest.mark.parametrize("cluster", [0.0, 0.6])
def test_ratings_follow_the_thresholds(name: str, cluster: float) -> None:
    """Each level has the normal mass between its thresholds, and the cluster its share."""
    template = TEMPLATES[name]
    settings = settings_for("faithful", {"rating_noise": 0.9, "cluster": cluster})
    count, total = len(template.labels), 1500
    cuts = [-math.inf, *(-2.4 + 4.8 * n / count for n in range(1, count)), math.inf]
    for item in (ITEMS[5], ITEMS[150]):
        latent = NormalDist(utility(item, settings), 0.9)
        drawn = Counter(
            rating(item, seed, settings, template=template).text for seed in range(total)
        )
        assert set(drawn) <= set(template.labels)
        for index, label in enumerate(template.labels):
            planted = (1 - cluster) * (latent.cdf(cuts[index + 1]) - latent.cdf(cuts[index]))
            planted += cluster * (index == count - 2)
            assert near(drawn[label], total, planted)


@pytest.mark.parametrize("name", ["clusterer", "noisy", "refuser", "rambler"])
def test_log_probabilities_are_those_of_the_draws(name: str) -> None:
    """The read-out's distribution is the one that sampled answers come from."""
    settings, item, total = PRESETS[name], ITEMS[60], 1500
    top = rating(item, 0, settings, logprobs=20).top_logprobs
    assert top is not None
    read = read_logprobs(top, SCALE.labels)
    drawn = Counter(rating(item, seed, settings).text for seed in range(total))
    assert near(sum(drawn[label] for label in SCALE.labels), total, read.mass / 0.998)
    for label, share in read.probabilities.items():
        assert near(drawn[label], total, share * read.mass / 0.998)


def outcome(reply: Reply, template: Template = SCALE, response: ResponseName = "plain") -> str:
    return parse_answer(
        reply,
        labels=template.labels or ("A", "B"),
        banned=template.banned,
        response=response,
        kind=template.kind,
        completes=template.completes,
    ).outcome


def test_outcomes_have_the_planted_rates() -> None:
    """Refusals by origin, disclaimers and unusable answers come in their shares, once read."""
    rates = {"refusal_math": 0.3, "refusal": 0.05, "disclaim": 0.1, "format_error": 0.2}
    settings = settings_for("faithful", dict(reversed(rates.items())))
    for item, refusal in ((MATH[4], 0.3), (ITEMS[0], 0.05)):
        found = Counter(outcome(rating(item, seed, settings)) for seed in range(2000))
        planted = {"refused": refusal, "disclaimed": 0.1, "invalid": 0.2, "failed": 0.0}
        planted["answered"] = 0.7 - refusal
        assert all(near(found[name], 2000, share) for name, share in planted.items())


def test_a_choice_is_refused_where_either_item_causes_it() -> None:
    """The refusal rate of a pair is 1 − (1 − r)(1 − r′)."""
    settings = settings_for("refuser", {"refusal_math": 0.5, "refusal_alpaca": 0.2})
    template = TEMPLATES["simple_preference"]
    found = sum(
        outcome(choice(MATH[0], ITEMS[0], seed, settings), template) == "refused"
        for seed in range(1500)
    )
    assert near(found, 1500, 0.6)


def every_form() -> list[tuple[Template, ResponseName, str, tuple[str, ...]]]:
    pairs = (("A", "B"), ("Task A", "Task B"), ("1", "2"))
    return [
        (template, response, timing, labels)
        for template in TEMPLATES.values()
        for response in RESPONSES
        for timing in template.timings
        for labels in (pairs if template.kind == "choice" else (template.labels,))
    ]


@pytest.mark.parametrize(
    ("planted", "expected"),
    [
        ({}, "answered"),
        ({"refusal": 1}, "refused"),
        ({"disclaim": 1}, "disclaimed"),
        ({"format_error": 1}, "invalid"),
    ],
)
def test_every_form_is_read_as_planted(planted: dict[str, float], expected: str) -> None:
    """In every template, timing, response format and labelling an outcome is read as itself."""
    settings = settings_for("faithful", planted)
    for template, response, timing, labels in every_form():
        for seed in range(15):
            messages = (
                rating_messages(
                    template, response=response, item=ITEMS[seed], completion="x", timing=timing
                )
                if template.kind == "rating"
                else choice_messages(
                    template,
                    response=response,
                    first=ITEMS[seed],
                    second=ITEMS[-seed - 1],
                    completion_first="x",
                    completion_second="y",
                    labels=labels,
                    timing=timing,
                )
            )
            question = Question(messages=messages, seed=seed)
            reply = respond(question, settings, rng=RNG, tools=response == "tool")
            answer = parse_answer(
                reply,
                labels=labels,
                banned=template.banned,
                response=response,
                kind=template.kind,
                completes=template.completes,
            )
            assert answer.outcome == expected, (template.name, response, labels, reply, answer)


def test_the_same_seed_gives_the_same_reply() -> None:
    """A reply depends on question and seed alone; other seeds and respondents draw anew."""
    settings = settings_for("noisy", {"rating_noise": 3})
    replies = [rating(ITEMS[9], seed, settings).text for seed in range(40)]
    assert replies == [rating(ITEMS[9], seed, settings).text for seed in range(40)]
    assert len(set(replies)) == 5
    other = msgspec.structs.replace(settings, noise=2.5)
    assert replies != [rating(ITEMS[9], seed, other).text for seed in range(40)]


def test_without_a_seed_the_rng_decides() -> None:
    """No seed: the draw comes from `rng`, so the same generator state gives the same reply."""
    settings = settings_for("noisy", {"rating_noise": 3})
    question = Question(messages=rating_messages(SCALE, response="plain", item="x", completion="y"))
    one, two = (
        [respond(question, settings, rng=random.Random(state)).text for state in range(40)]
        for _ in range(2)
    )
    assert one == two
    assert len(set(one)) > 1


def test_temperature_changes_nothing() -> None:
    """The planted probabilities hold at every temperature."""
    question = Question(messages=completion_messages(ITEMS[0]), seed=1)
    cold = respond(question, Settings(), rng=RNG, temperature=0.0)
    assert cold == respond(question, Settings(), rng=RNG, temperature=1.7)


def mean_level(item: str, settings: Settings, **options: str) -> float:
    """Expected latent rating, read from exact probabilities of a hundred levels."""
    messages = rating_messages(
        TEMPLATES["percentile_1_100"],
        response="plain",
        item=item,
        completion=options.get("completion", "Done."),
        system=options.get("system"),
    )
    labels = TEMPLATES["percentile_1_100"].labels
    reply = respond(Question(messages=messages, seed=0, choices=labels), settings, rng=RNG)
    assert reply.choices is not None
    return sum((4.8 * (int(k) - 0.5) / 100 - 2.4) * p for k, p in reply.choices.items())


def test_measurement_prompts_shift_the_latent_rating() -> None:
    """A ± prompt shifts by ± measurement_effect; one with a topic only the items of that origin."""
    settings = settings_for(
        "faithful",
        {
            "spread": 0,
            "mean_math": 0,
            "mean_alpaca": 0,
            "rating_noise": 0.2,
            "measurement_effect": 0.6,
        },
    )
    for name, shifts in (
        ("affective_pos", (0.6, 0.6)),
        ("affective_neg", (-0.6, -0.6)),
        ("loves_math", (0.6, 0.0)),
        ("hates_math", (-0.6, 0.0)),
    ):
        system = f"Be brief.\n\n{CONDITIONS[name].text}"
        for item, shift in zip((MATH[2], ITEMS[2]), shifts, strict=True):
            assert math.isclose(mean_level(item, settings, system=system), shift, abs_tol=0.01)


def test_completion_prompts_act_through_the_completion() -> None:
    """A ± prompt at completion time shifts the rating by ± completion_effect, once read back."""
    settings = settings_for("faithful", {"spread": 0, "mean_math": 0, "completion_effect": 0.5})
    for name, shift in (("affective_pos", 0.5), ("affective_neg", -0.5), ("none", 0.0)):
        text = CONDITIONS[name].text
        system = f"{DO_NOT_MENTION}\n\n{text}" if text else None
        for seed in range(8):
            question = Question(messages=completion_messages(MATH[seed], system), seed=seed)
            completion = respond(question, settings, rng=RNG).text
            assert text[:20] not in completion or not text
            measured = mean_level(MATH[seed], settings, completion=completion)
            assert math.isclose(measured, shift, abs_tol=0.02)


def test_completions_are_refused_at_the_rate_of_their_origin() -> None:
    """A refused completion reads as a refusal, any other does not, whatever the item says."""
    settings = settings_for("faithful", {"refusal_math": 0.25})
    texts = [
        respond(Question(messages=completion_messages(item), seed=seed), settings, rng=RNG).text
        for item in MATH
        for seed in range(40)
    ]
    assert near(sum(map(is_refusal, texts)), len(texts), 0.25)
    for item in [*ITEMS, "I'm sorry, but I can't help with that. I cannot assist."]:
        question = Question(messages=completion_messages(item), seed=0)
        assert not is_refusal(respond(question, Settings(), rng=RNG).text)


def test_a_question_without_items_has_no_preference() -> None:
    """Where nothing precedes the question, a choice is even."""
    messages = choice_messages(
        TEMPLATES["simple_preference"],
        response="plain",
        first="a",
        second="b",
        completion_first="",
        completion_second="",
        labels=("A", "B"),
    )
    question = Question(messages=messages[-1:], seed=0, choices=("A", "B"))
    reply = respond(question, Settings(), rng=RNG)
    assert reply.choices == {"A": 0.5, "B": 0.5}


def test_thinking_is_beside_the_answer() -> None:
    """Thinking comes as reasoning with its tokens, and the text is the answer alone."""
    messages = rating_messages(SCALE, response="plain", item="x", completion="y")
    reply = respond(Question(messages=messages, seed=0), Settings(), rng=RNG, thinking=True)
    assert reply.text in SCALE.labels
    assert reply.reasoning
    assert reply.reasoning_tokens and reply.output_tokens > reply.reasoning_tokens
