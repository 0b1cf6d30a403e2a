"""Read-out of an answer from the first token's alternatives."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.prompts.catalogue import RATINGS
from harness.text.logprobs import check_distinguishable, read_choices, read_logprobs
from harness.wire import TokenLogprob

FRUITS = RATINGS["fruit_rating"].labels


def top(**probabilities: float) -> list[TokenLogprob]:
    return tokens(probabilities)


def tokens(probabilities: dict[str, float]) -> list[TokenLogprob]:
    return [TokenLogprob(token, math.log(p)) for token, p in probabilities.items()]


def test_spellings_of_a_label_are_summed() -> None:
    """Space, byte-pair marker, case, quotes and Markdown make no other label."""
    found = read_logprobs(
        tokens({"A": 0.3, " A": 0.1, "ĠA": 0.1, "▁a": 0.05, "**A": 0.05, '"B': 0.2, "\nB": 0.1}),
        ("A", "B"),
    )
    assert found.mass == pytest.approx(0.9)
    assert found.probabilities == pytest.approx({"A": 6 / 9, "B": 3 / 9})


def test_other_tokens_count_for_nothing() -> None:
    """A word that begins with a label, another number and a bare quote are no label."""
    found = read_logprobs(top(As=0.4, Bob=0.3, C=0.1, A=0.1), ("A", "B"))
    assert found.mass == pytest.approx(0.1)
    numbers = read_logprobs(tokens({"4": 0.5, "45": 0.2, "6": 0.1, "-4": 0.1, '"': 0.1}), "12345")
    assert numbers.mass == pytest.approx(0.5)
    assert numbers.probabilities["4"] == pytest.approx(1.0)


def test_first_piece_of_a_word_counts_for_the_only_word_that_it_begins() -> None:
    """Sub-word tokens count where they begin one label, not two, and are more than a letter."""
    found = read_logprobs(
        tokens({"le": 0.4, "Ġban": 0.2, "a": 0.2, "app": 0.1, "le ": 0.1}), FRUITS
    )
    assert found.mass == pytest.approx(0.7)
    assert found.probabilities["lemon"] == pytest.approx(4 / 7)
    assert read_logprobs(top(ba=0.5), ("bad", "banana")).mass == 0.0


def test_no_label_among_the_tokens_is_mass_zero() -> None:
    """Without any label there is no distribution to renormalise."""
    found = read_logprobs(top(The=0.9), ("A", "B"))
    assert (found.mass, found.probabilities) == (0.0, {"A": 0.0, "B": 0.0})
    assert read_logprobs([], ("A", "B")).mass == 0.0


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.text(max_size=4), st.floats(-30, 0)), max_size=20))
def test_distribution_sums_to_one_or_nothing(entries: list[tuple[str, float]]) -> None:
    """For any tokens the probabilities are non-negative and sum to 1, or all are 0."""
    found = read_logprobs([TokenLogprob(token, p) for token, p in entries], FRUITS)
    total = sum(found.probabilities.values())
    assert list(found.probabilities) == list(FRUITS)
    assert total == pytest.approx(1.0) if found.mass > 0 else total == 0.0
    assert 0.0 <= found.mass <= 1.0


def test_exact_choices_keep_their_mass() -> None:
    """Probabilities of whole answers are renormalised and their sum is the mass."""
    found = read_choices({"A": 0.3, "B": 0.1, "other": 0.5}, ("A", "B"))
    assert found.mass == pytest.approx(0.4)
    assert found.probabilities == pytest.approx({"A": 0.75, "B": 0.25})


@pytest.mark.parametrize("name", sorted(RATINGS))
def test_which_templates_the_first_token_tells_apart(name: str) -> None:
    """27–32, −5…5 and 1–100 need more than one token; every other scale needs one."""
    labels = RATINGS[name].labels
    if name in {"random_scale_27_32", "bipolar_neg5_pos5", "percentile_1_100"}:
        with pytest.raises(UsageError, match="first token"):
            check_distinguishable(labels, "plain")
    else:
        check_distinguishable(labels, "plain")


@pytest.mark.parametrize(
    ("labels", "response", "named"),
    [
        (("Task A", "Task B"), "plain", "'Task A' and 'Task B'"),
        (("A", "Apple"), "plain", "'A' and 'Apple'"),
        (("10", "20"), "plain", "'10'"),
        (("A", "B"), "xml", "response='xml'"),
        (("A", "B"), "reasoned", "response='reasoned'"),
    ],
)
def test_indistinguishable_labels_are_one_line(
    labels: tuple[str, ...], response: str, named: str
) -> None:
    """The error names what was given and what would do."""
    with pytest.raises(UsageError) as caught:
        check_distinguishable(labels, response)  # type: ignore[arg-type]
    assert named in str(caught.value) and "expected" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_labels_with_a_point_are_numbers() -> None:
    """A number with a point is one label: no beginning of a token is taken for it."""
    labels = ("10.5", "20.5", "30.5")
    top = tokens({"20.5": 0.4, " 30.5": 0.2, "20": 0.1, "10": 0.1, "20.55": 0.2})
    found = read_logprobs(top, labels)
    assert found.mass == pytest.approx(0.6)
    assert found.probabilities == pytest.approx({"10.5": 0.0, "20.5": 2 / 3, "30.5": 1 / 3})


def test_a_probability_is_at_most_one() -> None:
    """Rounding puts some log-probabilities above 0."""
    top = [TokenLogprob("A", 0.25), TokenLogprob("B", math.log(0.5))]
    assert read_logprobs(top, ["A", "B"]).probabilities["A"] == pytest.approx(2 / 3)
