"""Exactness of the pass over prompts, on every family."""

import math

import pytest
import torch
from transformers import AutoModelForCausalLM, MixtralConfig

from steering_server.engine.score import score
from steering_server.model.layers import columnwise, find_layers
from steering_server.model.packing import can_pack
from steering_server.model.planning import Batch, Limits, plan
from steering_server.model.recorder import Recorder
from steering_server.model.tiny import FAMILIES
from steering_server.model.work import Row
from tests.steering_server.conftest import Maker, loaded_model

PROMPTS = (
    "The cat sat on the mat.",
    "Prove that there are infinitely many primes, and say it briefly.",
    "Write a poem about the sea in winter, in four lines, without the word blue.",
)
WIDE = Limits(rows=64, tokens=1 << 20)


def logits(maker, rows, *, late=True, limits=WIDE):
    """Logits by row, in the order of `rows`."""
    found = {}
    for batch in plan(rows, limits):
        for scored in score(maker.loaded, batch, late=late):
            found[id(scored.row)] = scored.logits
    return torch.stack([found[id(row)] for row in rows])


def sweep(maker, prompt=PROMPTS[0], *, coefs=(-0.5, -0.1, 0.0, 0.1, 0.5), **options):
    return [
        maker.row(prompt, additions=[maker.addition(coef, **options)] if coef else [])
        for coef in coefs
    ]


def test_late_expansion_is_bitwise_the_plain_batch(maker):
    """Rows computed once up to the steered layer equal rows computed apart, bit for bit."""
    rows = sweep(maker)
    assert torch.equal(logits(maker, rows), logits(maker, rows, late=False))


def test_late_expansion_of_several_prompts_is_bitwise_the_plain_batch(maker):
    """The same with prompts of different lengths in one padded batch."""
    rows = [row for prompt in PROMPTS[1:] for row in sweep(maker, prompt)]
    batches = plan(rows, WIDE)
    assert len(batches) == 1 and len(batches[0].prompts) == 2
    assert torch.equal(logits(maker, rows), logits(maker, rows, late=False))


def test_a_batch_equals_its_rows_alone(maker):
    """Whatever shares the batch changes a row's logits by less than 1e-4."""
    rows = [row for prompt in PROMPTS for row in sweep(maker, prompt, coefs=(-0.5, 0.0, 0.3))]
    rows += sweep(maker, PROMPTS[1], layer=1, start=5, end=9, coefs=(0.5,))
    together = logits(maker, rows)
    alone = torch.cat([logits(maker, [row]) for row in rows])
    assert (together - alone).abs().max() < 1e-4


def test_the_shared_prefix_is_the_plain_batch(maker):
    """Steering the last token alone, on a prefix computed once, gives the plain batch's logits."""
    last = len(maker.tokens(PROMPTS[1])) - 1
    rows = sweep(maker, PROMPTS[1], start=last)
    (batch,) = plan(rows, WIDE)
    assert batch.tail == 1
    difference = logits(maker, rows) - logits(maker, rows, late=False)
    assert difference.abs().max() < 1e-4


ALIKE = "Here are two tasks, one of which you may choose to do today." * 4
ENDS = ("Which?", "Say which.", "And so?", "", "A or B?", "Choose.")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_beginning_that_prompts_share_is_the_plain_batch(family):
    """Prompts of several lengths that begin alike, swept from after that or unsteered, have the
    plain batch's logits and choices; what is steered from the start shares nothing."""
    maker = Maker(loaded_model(family))
    prompts = [f"{ALIKE} {end}" for end in ENDS]
    asked = [maker.row(prompt, choices=["A", "B", "Both of"]) for prompt in prompts]
    start = len(maker.tokens(ALIKE)) * 2 // 5
    swept = [row for prompt in prompts for row in sweep(maker, prompt, start=start, coefs=(0, 1))]
    batches = [*plan(asked, WIDE), *plan(swept, WIDE)]
    assert [batch.expand_at for batch in batches] == [None, 2]
    assert all(batch.common >= start for batch in batches)
    plain = [one for batch in batches for one in score(maker.loaded, batch, late=False)]
    shared = [one for batch in batches for one in score(maker.loaded, batch)]
    for one, other in zip(plain, shared, strict=True):
        assert one.row is other.row
        assert (one.logits - other.logits).abs().max() < 1e-4
        assert (one.choices or 0) == pytest.approx(other.choices or 0, rel=1e-4)
    whole = [row for prompt in prompts for row in sweep(maker, prompt)]
    assert [batch.common for batch in plan(whole, WIDE)] == [0]


def packs(maker, batch):
    """Whether the batch is packed; every family but GPT-2 allows it."""
    able = can_pack(maker.loaded.model, maker.loaded.layers[-1], batch)
    return able or type(maker.loaded.model).__name__.startswith("GPT2")


@pytest.mark.parametrize("tail", [1, 3])
def test_packed_lanes_of_several_prompts_are_the_plain_batch(maker, tail):
    """Lanes side by side in one sequence, several prompts and unequal sweeps, one beyond a sliding
    window: each gets the plain batch's logits, and choices of one token their probabilities."""
    rows = []
    for prompt, coefs in zip(
        (PROMPTS[1], PROMPTS[2], PROMPTS[2] + " Why?"),
        ((-0.4, 0.2), (0.0, 0.1, 0.5), (0.3, -0.3)),
        strict=True,
    ):
        start = len(maker.tokens(prompt)) - tail
        rows += [
            *sweep(maker, prompt, coefs=coefs, start=start, end=start + 1),
            *sweep(maker, prompt, coefs=coefs[:1], start=start, seed=5, layer=2),
        ]
    batches = plan(rows, WIDE)
    assert any(len(batch.prompts) > 1 for batch in batches)
    assert all(batch.tail == tail and packs(maker, batch) for batch in batches)
    difference = logits(maker, rows) - logits(maker, rows, late=False)
    assert difference.abs().max() < 1e-4
    assert (logits(maker, rows[:1]) - logits(maker, rows[1:2])).abs().max() > 1e-3


def test_packed_lanes_without_an_addition_are_bitwise_the_same_beside_any_neighbour(maker):
    """Also where a neighbour overflows, and only that neighbour's logits are not finite."""
    last = len(maker.tokens(PROMPTS[1])) - 1
    good = sweep(maker, PROMPTS[1], start=last, coefs=(0.0, -0.1, 0.3))
    bad = maker.row(PROMPTS[1], additions=[maker.addition(float("nan"), start=last)])
    calm = maker.row(PROMPTS[1], additions=[maker.addition(0.7, start=last)])
    (batch,) = plan([*good, bad], WIDE)
    assert packs(maker, batch)
    with_bad, with_calm = logits(maker, [*good, bad]), logits(maker, [*good, calm])
    assert torch.isnan(with_bad[-1]).any()
    assert torch.equal(with_bad[:-1], with_calm[:-1])


def test_coefficient_zero_is_bitwise_unsteered_alone_and_beside_steered_rows(maker):
    """A zero addition leaves no trace, whatever the neighbours get."""
    zero = maker.row(additions=[maker.addition(0.0)])
    plain = maker.row()
    assert torch.equal(logits(maker, [zero]), logits(maker, [plain]))
    steered = sweep(maker, coefs=(-0.5, 0.3))
    beside = logits(maker, [zero, *steered])
    assert torch.equal(beside, logits(maker, [plain, *steered]))


def test_an_unsteered_row_alone_is_bitwise_the_one_in_a_sweep(maker):
    """Of the last layer only the last columns are computed: never so few that one row alone goes
    through other arithmetic than many."""
    alone = logits(maker, [maker.row()])
    assert torch.equal(logits(maker, sweep(maker))[2:3], alone)


def test_experts_see_all_columns(maker):
    """Dense parts of the last layer may be narrowed; what routes tokens among experts may not."""
    last = maker.loaded.layers[-1]
    dense = not hasattr(last.mlp, "experts")
    assert (last.mlp in columnwise(last)) == dense
    config = MixtralConfig(
        hidden_size=16,
        intermediate_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        num_local_experts=2,
        vocab_size=32,
    )
    routed = find_layers(AutoModelForCausalLM.from_config(config))[-1]
    assert columnwise(routed) == [routed.self_attn.q_proj, routed.self_attn.o_proj]


def test_one_rows_nan_leaves_its_neighbours_bitwise_unchanged(maker):
    """A row that overflows is the only one that does."""
    good = sweep(maker, coefs=(-0.5, 0.1, 0.3))
    bad = maker.row(additions=[maker.addition(float("nan"))])
    calm = maker.row(additions=[maker.addition(0.7)])
    with_bad = logits(maker, [*good, bad])
    with_calm = logits(maker, [*good, calm])
    assert torch.isnan(with_bad[-1]).any()
    assert torch.equal(with_bad[:-1], with_calm[:-1])


def test_earlier_layers_are_unchanged_and_the_layer_itself_moves_by_the_delta(maker):
    """Steering at layer 2 changes no earlier layer's output; at layer 2 it adds the delta."""
    depth = maker.loaded.depth
    addition = maker.addition(0.4)

    def outputs(additions):
        recorder = Recorder(tuple(range(depth)), "last", 0, None)
        logits(maker, [maker.row(additions=additions, recorder=recorder)])
        return recorder.result()

    plain, steered = outputs([]), outputs([addition])
    assert all(torch.equal(plain[layer], steered[layer]) for layer in range(2))
    moved = steered[2] - plain[2]
    assert (moved - addition.delta).norm() / addition.delta.norm() < 1e-3
    assert not torch.equal(plain[3], steered[3])


def test_additions_sum_and_keep_to_their_positions(tiny_maker):
    """Two additions equal one of their sum; outside its span an addition does nothing."""
    one, two = tiny_maker.addition(0.3, seed=1), tiny_maker.addition(0.2, seed=2, end=6)
    at = {}
    for position in (3, 8):
        recorder = Recorder((2,), "last", position, position + 1)
        plain = Recorder((2,), "last", position, position + 1)
        logits(
            tiny_maker,
            [
                tiny_maker.row(additions=[one, two], recorder=recorder),
                tiny_maker.row(recorder=plain),
            ],
        )
        at[position] = recorder.result()[2] - plain.result()[2]
    assert torch.allclose(at[3], one.delta + two.delta, atol=1e-5)
    assert torch.allclose(at[8], one.delta, atol=1e-5)


CHOICES = ("A", "B", "1", "10", "100", "lemon", "Task A", "Task B")


def reference(maker, row: Row, choices=CHOICES):
    """P(reply begins with choice) by one plain pass for each choice."""
    found = []
    for choice in choices:
        tokens = tuple(maker.loaded.tokenizer(choice, add_special_tokens=False).input_ids)
        total = 0.0
        for at, token in enumerate(tokens):
            step = maker.row(additions=row.additions)
            step.prompt = row.prompt + tokens[:at]
            total += float(torch.log_softmax(logits(maker, [step])[0].double(), -1)[token])
        found.append(math.exp(total))
    return dict(zip(choices, found, strict=True))


@pytest.mark.parametrize("start", [0, 30])
def test_choices_are_exact(maker, start):
    """Each allowed answer's probability is the product over its tokens; longer ones excluded."""
    addition = maker.addition(0.2, start=start)
    row = maker.row(additions=[addition], choices=CHOICES)
    other = maker.row(additions=[maker.addition(0.4, start=start)], choices=CHOICES)
    expected = reference(maker, row)
    expected["10"] -= expected["100"]
    expected["1"] -= expected["10"] + expected["100"]
    (batch,) = plan([row, other], WIDE)
    got = score(maker.loaded, batch)[0].choices
    assert got is not None
    for choice, value in zip(CHOICES, got, strict=True):
        assert value == pytest.approx(expected[choice], rel=1e-3, abs=1e-12)
    assert sum(got) <= 1


def test_a_plan_holds_every_row_once(tiny_maker):
    """However small the batches, each row is in exactly one."""
    rows = [row for prompt in PROMPTS for row in sweep(tiny_maker, prompt)]
    for limits in (Limits(1, 1), Limits(2, 200), Limits(7, 400), WIDE):
        batches: list[Batch] = plan(rows, limits)
        held = [id(row) for batch in batches for row in batch.rows]
        assert sorted(held) == sorted(id(row) for row in rows)
        assert all(len(batch.lanes) <= limits.rows for batch in batches)


def test_equal_rows_are_computed_once(tiny_maker):
    """Rows of one prompt with the same additions share a lane, and get the same logits."""
    same = [tiny_maker.row(additions=[tiny_maker.addition(0.3)]) for _ in range(4)]
    (batch,) = plan(same, WIDE)
    assert len(batch.lanes) == 1 and len(batch.rows) == 4
