"""Ablate, clamp and scale, on every family: exact alone, in a batch, packed, and token by token."""

from dataclasses import replace

import pytest
import torch

from steering_server.engine.generate import Generation
from steering_server.engine.score import score
from steering_server.model.packing import can_pack
from steering_server.model.planning import Limits, plan
from steering_server.model.tiny import FAMILIES
from steering_server.model.work import Addition
from tests.steering_server.conftest import PROMPTS, Maker, loaded_model

WIDE = Limits(rows=64, tokens=1 << 20)
SLOPES = {"ablate": -1.0, "clamp": -1.0, "scale": 1.5}


@pytest.fixture(params=FAMILIES)
def maker(request):
    return Maker(loaded_model(request.param))


def change(maker, operation, *, value=None, layer=1, start=0, end=None, seed=0):
    """An operation along a random direction; `clamp` sets the component to `value`."""
    unit = torch.randn(maker.loaded.width, generator=torch.Generator().manual_seed(seed))
    unit = unit / unit.norm()
    if operation == "add":
        return Addition(layer, start, end, 3 * unit, ("add", layer, start, end, seed))
    target = (2.5 if value is None else value) if operation == "clamp" else 0.0
    key = (operation, target, layer, start, end, seed)
    slope = SLOPES[operation]
    return Addition(layer, start, end, target * unit, key, operation, unit, slope)


def logits(maker, rows, *, late=True):
    """Logits by row, in the order of `rows`."""
    found = {}
    for batch in plan(rows, WIDE):
        for scored in score(maker.loaded, batch, late=late):
            found[id(scored.row)] = scored.logits
    return torch.stack([found[id(row)] for row in rows])


def plain(maker, tokens, changes):
    """Logits [tokens, vocabulary] by a forward and hooks of this test's own, in double precision
    where a component is taken."""
    handles = []

    def hook(at):
        def after(module, args, output):
            hidden = (output[0] if isinstance(output, tuple) else output).clone()
            for one in changes:
                if one.layer != at:
                    continue
                part = hidden[:, one.start : one.end].double()
                if one.operation == "add":
                    part = part + one.delta.double()
                else:
                    unit = one.unit.double()
                    held = part @ unit
                    wanted = {"ablate": 0 * held, "scale": 2.5 * held}.get(one.operation)
                    if wanted is None:
                        wanted = torch.full_like(held, float(one.delta.double() @ unit))
                    part = part + (wanted - held)[..., None] * unit
                hidden[:, one.start : one.end] = part.float()
            return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

        return after

    try:
        handles += [
            layer.register_forward_hook(hook(at)) for at, layer in enumerate(maker.loaded.layers)
        ]
        ids = torch.tensor([tokens])
        return maker.loaded.model(input_ids=ids, use_cache=False).logits[0].float()
    finally:
        for handle in handles:
            handle.remove()


def sets(maker):
    """What rows are given: each operation over all tokens, some, the last, several in turn."""
    some = [
        [change(maker, operation, start=start, end=end)]
        for operation in SLOPES
        for start, end in ((0, None), (3, 9))
    ]
    some.append([change(maker, "add"), change(maker, "clamp", seed=1), change(maker, "ablate")])
    some.append(
        [change(maker, "scale", layer=2), change(maker, "add", start=4), change(maker, "add")]
    )
    some.append([change(maker, "add", seed=2), change(maker, "add", seed=3, start=2)])
    return [[], *some]


def test_operations_in_a_batch_are_those_of_a_plain_pass(maker):
    """Beside other operations and other prompts, and alone: within 1e-4 of a pass with a hook."""
    rows, expected = [], []
    for prompt in PROMPTS[:2]:
        for changes in sets(maker):
            rows.append(maker.row(prompt, additions=changes))
            expected.append(plain(maker, rows[-1].prompt, changes)[-1])
    together = logits(maker, rows)
    assert (together - torch.stack(expected)).abs().max() < 1e-4
    for index in (1, 3, 7):
        alone = logits(maker, [rows[index]])[0]
        assert (alone - together[index]).abs().max() < 1e-4
    assert min((one - together[0]).abs().max() for one in together[1:9]) > 1e-3
    late = logits(maker, rows[:6])
    assert torch.equal(late, logits(maker, rows[:6], late=False))


def test_packed_lanes_of_operations_are_those_of_a_plain_pass(maker):
    """The last token alone, side by side in one sequence."""
    last = len(maker.tokens(PROMPTS[1])) - 1
    given = [[change(maker, operation, start=last)] for operation in (*SLOPES, "add")]
    rows = [maker.row(PROMPTS[1], additions=changes) for changes in [[], *given]]
    (batch,) = plan(rows, WIDE)
    assert batch.tail == 1
    able = can_pack(maker.loaded.model, maker.loaded.layers[-1], batch)
    assert able or type(maker.loaded.model).__name__.startswith("GPT2")
    expected = torch.stack([plain(maker, row.prompt, row.additions)[-1] for row in rows])
    assert (logits(maker, rows) - expected).abs().max() < 1e-4


def test_ablating_twice_is_ablating_once(maker):
    """A direction that is gone stays gone, at the same tokens of the same layer."""
    once = [change(maker, "ablate")]
    rows = [maker.row(additions=once), maker.row(additions=once * 2)]
    found = logits(maker, rows)
    assert (found[0] - found[1]).abs().max() < 1e-4
    assert all(row.faded is None for row in rows)


def test_clamping_to_the_present_value_changes_nothing(maker):
    """The component that the row itself reports, at its last token: unsteered within 1e-4, and no
    complaint that nothing survived."""
    last = len(maker.tokens(PROMPTS[0])) - 1
    asked = maker.row(additions=[change(maker, "ablate", start=last)])
    steered = logits(maker, [asked])[0]
    before, after = asked.components([0])
    assert abs(after) < 1e-5 < abs(before)
    held = maker.row(additions=[change(maker, "clamp", value=before, start=last)])
    unsteered = maker.row()
    found = logits(maker, [held, unsteered])
    assert (found[0] - found[1]).abs().max() < 1e-4 < (steered - found[1]).abs().max()
    assert held.faded is None


def test_operations_hold_token_by_token(maker):
    """Rows of different prompts and operations under way together: at every step the logits of a
    plain pass over the whole sequence, and components as they were asked for."""
    generation = Generation(maker.loaded)
    rows = [
        maker.row(prompt, additions=changes, max_tokens=4)
        for prompt, changes in zip(
            (PROMPTS[0], PROMPTS[1], PROMPTS[2]),
            ([change(maker, "ablate")], [change(maker, "clamp", start=8)], []),
            strict=True,
        )
    ]
    for batch in plan(rows, WIDE):
        _, found = generation.admit(batch)
        for row, own in zip(batch.rows, found, strict=True):
            row.generated.append(int(own.argmax()))
    for _ in range(3):
        for row, own in zip(generation.rows, generation.step(), strict=True):
            expected = plain(maker, row.tokens, row.additions)[-1]
            assert (own - expected).abs().max() < 1e-4
            row.generated.append(int(own.argmax()))
    assert rows[0].components([0])[1] == pytest.approx(0, abs=1e-4)
    assert rows[1].components([0])[1] == pytest.approx(2.5, abs=1e-4)


def test_the_order_of_a_request_is_the_order_of_its_operations():
    """Ablating after adding along the same direction leaves nothing; before it, what was added."""
    maker = Maker(loaded_model("llama"))
    add, ablate = change(maker, "add"), change(maker, "ablate")
    rows = [maker.row(additions=pair) for pair in ([add, ablate], [ablate, add])]
    logits(maker, rows)
    assert rows[0].components([1])[1] == pytest.approx(0, abs=1e-5)
    assert rows[1].components([1])[1] == pytest.approx(3, abs=1e-4)


def test_in_half_precision_what_there_is_nothing_of_is_no_failure():
    """Ablating twice in bfloat16 answers; a scale that rounds away does not."""
    loaded = loaded_model("llama")
    model = loaded.model.to(torch.bfloat16)
    try:
        maker = Maker(loaded)
        twice = maker.row(additions=[change(maker, "ablate")] * 2)
        weak = replace(change(maker, "scale"), slope=1e-4, key=("weak",))
        strong = change(maker, "scale")
        rows = [twice, maker.row(additions=[weak]), maker.row(additions=[strong])]
        logits(maker, rows)
        assert rows[0].faded is None and rows[2].faded is None
        assert rows[1].faded is not None and rows[1].faded[0] == 1
    finally:
        model.to(torch.float32)
