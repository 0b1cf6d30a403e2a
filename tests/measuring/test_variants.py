"""Which wording and context a repeat is asked under."""

from collections import Counter

import pytest

from harness.errors import UsageError
from harness.measuring.options import ChoiceOptions
from harness.measuring.variants import Variants, drawn_variants
from harness.prompts.choices import ENJOY_MOST
from harness.prompts.conditions import CONDITIONS


def drawn(sysprompt: str = "none", **options: int) -> Variants:
    given = ChoiceOptions(**options)  # type: ignore[arg-type]
    return drawn_variants(ENJOY_MOST, "pre", given, CONDITIONS[sysprompt])


def test_without_options_nothing_changes() -> None:
    """Without the options a question is the template's own, and the record says nothing more."""
    variant = drawn().at((0, 0), 5)
    assert (variant.template, variant.system, variant.facts) == (ENJOY_MOST, None, {})
    assert not drawn().drawn


def test_repeats_go_through_all() -> None:
    """Repeats of one question meet every combination of wording and context equally often."""
    variants = drawn(wordings=4, contexts=2)
    seen = Counter(variants.at((1, 1), repeat).key for repeat in range(16))
    assert len(seen) == 8 and set(seen.values()) == {2}
    first = {variants.at((2, 0), repeat).key[0] for repeat in range(4)}
    assert first == {0, 1, 2, 3}


def test_drawn_by_seed() -> None:
    """The same seed draws the same, another seed others, and each only once."""
    keys = drawn(wordings=4).keys
    assert keys == drawn(wordings=4).keys and len(set(keys)) == 4
    assert any(drawn(wordings=4, sample_seed=seed).keys != keys for seed in range(1, 5))


def test_a_seed_draws_what_it_drew() -> None:
    """Whoever repeats a run of last year gets its wordings and contexts."""
    names = [key.partition("@")[0] for key in drawn(wordings=4).keys]
    assert names == ["own", "p4", "p5", "p8"]
    names = [key.partition("@")[0] for key in drawn(contexts=2, sample_seed=3).keys]
    assert names == ["last", "no_tools"]


def test_context_before_condition() -> None:
    """A context stands before the measurement's own system prompt, and alone without one."""
    variant = drawn("loves_math", contexts=3).at((0, 2), 0)
    assert variant.system is not None
    context, _, rest = variant.system.partition("\n\n")
    assert rest == CONDITIONS["loves_math"].text and context
    assert drawn(contexts=3).at((0, 2), 0).system == context


def test_too_many() -> None:
    """More than there are is refused with how many there are."""
    with pytest.raises(UsageError, match="wordings=10; there are 9 wordings of enjoy_most"):
        drawn(wordings=10)
    with pytest.raises(UsageError, match="contexts=99; there are 8 contexts"):
        drawn(contexts=99)
