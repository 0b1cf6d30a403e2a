"""Generation: a row's text depends on nothing but the row."""

import pytest
import torch

from harness.errors import UsageError
from steering_server.engine import runner as engine_runner
from steering_server.engine.engine import Engine
from steering_server.engine.metrics import Metrics
from steering_server.engine.runner import NONFINITE, Broken, Runner, Sizes
from steering_server.model.recorder import Recorder

PROMPTS = (
    "The cat sat on the mat.",
    "Prove that there are infinitely many primes, and say it briefly.",
    "Hi",
    "Write a poem about the sea in winter, in four lines, without the word blue.",
)


def runner_for(maker, **sizes):
    return Runner(maker.loaded, Sizes(**sizes), Metrics(lambda: 0.0))


def finish(runner, rows=()):
    runner.add(rows)
    while runner.busy:
        runner.turn()


def corpus(maker, *, tokens=8):
    """Rows of different lengths, steerings, temperatures and seeds."""
    return [
        maker.row(
            PROMPTS[index % len(PROMPTS)],
            additions=[maker.addition(0.1 * index, seed=index, start=(0, 0, 20, 30)[index % 4])],
            max_tokens=tokens - index % 3,
            temperature=(0.0, 1.0, 0.7)[index % 3],
            top_p=(1.0, 0.9)[index % 2],
            seed=index,
        )
        for index in range(6)
    ]


def texts(rows):
    assert all(row.sink.failure is None for row in rows), [row.sink.failure for row in rows]
    return [(row.sink.text, tuple(row.generated), row.sink.finished) for row in rows]


def test_a_rows_text_is_the_same_alone_and_in_any_company(maker):
    """The same seed gives the same text alone, in one batch, and admitted late."""
    alone = corpus(maker)
    for row in alone:
        finish(runner_for(maker), [row])
    together = corpus(maker)
    finish(runner_for(maker), together)
    assert texts(together) == texts(alone)
    staggered = corpus(maker)
    runner = runner_for(maker, rows=3)
    for row in staggered:
        runner.add([row])
        runner.turn()
    finish(runner)
    assert texts(staggered) == texts(alone)


def test_generation_equals_transformers(maker):
    """Unsteered greedy text is that of the library's own generate."""
    row = maker.row(PROMPTS[1], max_tokens=8)
    finish(runner_for(maker), [row])
    tokens = torch.tensor([row.prompt])
    expected = maker.loaded.model.generate(
        tokens,
        attention_mask=torch.ones_like(tokens),
        max_new_tokens=8,
        do_sample=False,
        eos_token_id=sorted(maker.loaded.stops),
        pad_token_id=maker.loaded.pad,
    )
    assert row.generated == expected[0, len(row.prompt) :].tolist()


def test_coefficient_zero_is_unsteered_beside_steered_rows(maker):
    """Zero additions change no token and no logit, alone or in company."""

    def rows(coef):
        own = maker.row(additions=[maker.addition(coef)] if coef is not None else [], max_tokens=8)
        return [own, *corpus(maker)[:4]]

    plain, zero = rows(None), rows(0.0)
    logits = []
    for batch in (plain, zero):
        runner = runner_for(maker)
        runner.add(batch)
        runner.turn()
        logits.append(runner._generation.step())
        finish(runner)
    assert torch.equal(*logits)


def test_a_row_that_overflows_fails_alone(tiny_maker):
    """NaN ends its own row with its reason; the others' texts do not change."""
    bad = tiny_maker.row(additions=[tiny_maker.addition(float("nan"), start=26)], max_tokens=12)
    late = tiny_maker.row(additions=[tiny_maker.addition(float("nan"), start=40)], max_tokens=12)
    good = corpus(tiny_maker)
    finish(runner_for(tiny_maker), [bad, *good, late])
    assert bad.sink.failure == late.sink.failure == NONFINITE
    alone = corpus(tiny_maker)
    finish(runner_for(tiny_maker), alone)
    assert texts(good) == texts(alone)


def test_a_steered_row_after_an_unsteered_one_with_the_same_prompt_is_right(tiny_maker):
    """Nothing computed for one request is used for a differently steered one."""

    def steered():
        return tiny_maker.row(additions=[tiny_maker.addition(0.8)], max_tokens=12)

    fresh = steered()
    finish(runner_for(tiny_maker), [fresh])
    runner = runner_for(tiny_maker)
    plain = tiny_maker.row(max_tokens=12)
    finish(runner, [plain])
    after = steered()
    finish(runner, [after])
    assert texts([after]) == texts([fresh])
    assert after.generated != plain.generated


def test_a_stop_string_cuts_the_text_before_it(tiny_maker):
    """The reply ends before the first stop string, however it falls on tokens."""
    whole = tiny_maker.row(max_tokens=30, temperature=1.0, seed=3)
    finish(runner_for(tiny_maker), [whole])
    stop = whole.sink.text[5:8]
    cut = tiny_maker.row(max_tokens=30, temperature=1.0, seed=3, stops=[stop, "never there"])
    finish(runner_for(tiny_maker), [cut])
    assert cut.sink.text == whole.sink.text[: whole.sink.text.index(stop)]
    assert cut.sink.finished.finish == "stop"


def test_a_cancelled_row_is_dropped_before_the_next_step(tiny_maker):
    """Its neighbours go on unchanged."""
    rows = corpus(tiny_maker)
    runner = runner_for(tiny_maker)
    runner.add(rows)
    runner.turn()
    rows[2].cancelled = True
    length = len(rows[2].generated)
    finish(runner)
    assert len(rows[2].generated) == length and rows[2].sink.failure.code == "cancelled"
    alone = corpus(tiny_maker)
    finish(runner_for(tiny_maker), alone)
    assert texts(rows[:2] + rows[3:]) == texts(alone[:2] + alone[3:])


class Scarce:
    """Makes the model run out of memory above so many rows."""

    def __init__(self, monkeypatch, loaded, rows):
        self.rows = rows
        forward = loaded.model.forward

        def limited(*args, **kwargs):
            if len(kwargs["input_ids"]) > self.rows:
                raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
            return forward(*args, **kwargs)

        monkeypatch.setattr(loaded.model, "forward", limited)


@pytest.mark.parametrize("room", [1, 3, 5])
def test_out_of_memory_halves_the_batch_and_changes_no_text(tiny_maker, monkeypatch, room):
    """Evicted rows are recomputed and end as they would have."""
    alone = corpus(tiny_maker)
    for row in alone:
        finish(runner_for(tiny_maker), [row])
    rows = corpus(tiny_maker)
    runner = runner_for(tiny_maker)
    runner.add(rows)
    scarce = Scarce(monkeypatch, tiny_maker.loaded, 99)
    runner.turn()
    scarce.rows = room
    finish(runner)
    assert texts(rows) == texts(alone)
    assert runner._metrics.evictions > 0


def test_a_single_row_that_does_not_fit_ends_with_413(tiny_maker, monkeypatch):
    """Both ways of answering say so, and the engine goes on."""
    scarce = Scarce(monkeypatch, tiny_maker.loaded, 0)
    rows = [tiny_maker.row(max_tokens=4), tiny_maker.row(choices=["A", "B"])]
    runner = runner_for(tiny_maker)
    finish(runner, rows)
    assert [row.sink.failure.status for row in rows] == [413, 413]
    scarce.rows = 99
    again = tiny_maker.row(max_tokens=4)
    finish(runner, [again])
    assert again.sink.failure is None


def test_a_recorder_sees_generated_tokens(tiny_maker):
    """The mean over the completion is that of one pass over prompt and completion."""
    length = len(tiny_maker.tokens(PROMPTS[0]))
    recorder = Recorder((1, 3), "mean", length, None)
    row = tiny_maker.row(max_tokens=6, recorder=recorder)
    finish(runner_for(tiny_maker), [row, *corpus(tiny_maker)])
    whole = tiny_maker.row(recorder=Recorder((1, 3), "mean", length, None))
    whole.prompt = row.prompt + tuple(row.generated[:-1])
    finish(runner_for(tiny_maker), [whole])
    for layer, value in whole.recorder.result().items():
        assert torch.allclose(recorder.result()[layer], value, atol=1e-4)


POISON = 300
"""A token no prompt here has otherwise."""


@pytest.fixture
def poisoned(tiny_maker, monkeypatch):
    """Passes that hold a poisoned token, in their input or in their cache, fail."""
    forward = tiny_maker.loaded.model.forward

    def fails(*args, **kwargs):
        if (kwargs["input_ids"] == POISON).any():
            raise IndexError("index out of range in self")
        return forward(*args, **kwargs)

    monkeypatch.setattr(tiny_maker.loaded.model, "forward", fails)


@pytest.mark.parametrize("tokens", [1, 8])
def test_a_request_that_makes_passes_fail_is_the_only_one_that_fails(tiny_maker, poisoned, tokens):
    """However many such requests come, their neighbours get the text they get alone."""
    alone = corpus(tiny_maker, tokens=tokens + 2)
    for row in alone:
        finish(runner_for(tiny_maker), [row])
    runner = runner_for(tiny_maker)
    good = corpus(tiny_maker, tokens=tokens + 2)
    bad = [tiny_maker.row(PROMPTS[index % 4], max_tokens=tokens) for index in range(7)]
    for row in bad:
        row.prompt = (*row.prompt[:-1], POISON)
    finish(runner, [row for pair in zip(bad, good, strict=False) for row in pair] + bad[6:])
    assert texts(good) == texts(alone)
    assert [row.sink.failure.code for row in bad] == ["engine_error"] * 7


def test_a_row_that_fails_halfway_fails_alone(tiny_maker, poisoned):
    """What it draws makes the next step fail: its neighbours are recomputed and go on."""
    alone = corpus(tiny_maker)
    for row in alone:
        finish(runner_for(tiny_maker), [row])
    runner = runner_for(tiny_maker)
    good, bad = corpus(tiny_maker), tiny_maker.row(PROMPTS[1], max_tokens=12)
    runner.add([bad, *good])
    runner.turn()
    bad.generated[-1] = POISON
    finish(runner)
    assert texts(good) == texts(alone)
    assert bad.sink.failure.code == "engine_error"


def test_a_token_that_cannot_be_told_ends_its_own_row(tiny_maker, monkeypatch):
    """A tokenizer that has no text for it is nobody else's affair."""
    bad, good = tiny_maker.row(max_tokens=4), corpus(tiny_maker)
    monkeypatch.setattr(bad.text, "push", lambda token: [][token])
    finish(runner_for(tiny_maker), [bad, *good])
    assert bad.sink.failure.code == "engine_error"
    alone = corpus(tiny_maker)
    finish(runner_for(tiny_maker), alone)
    assert texts(good) == texts(alone)


def test_a_lost_device_ends_the_engine(tiny_maker, monkeypatch):
    """At once: nothing that comes after could be answered."""

    def lost(*args, **kwargs):
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(tiny_maker.loaded.model, "forward", lost)
    row = tiny_maker.row()
    with pytest.raises(Broken, match="illegal memory access"):
        finish(runner_for(tiny_maker), [row])
    assert row.sink.failure.code == "engine_error"


def test_an_engine_that_fails_its_own_test_after_failing_rows_is_broken(
    tiny_maker, poisoned, monkeypatch
):
    """Three rows in a row that fail alone: it asks itself, and ends with what it finds."""
    asked = []

    def wrong(loaded):
        asked.append(loaded)
        raise UsageError("it answers otherwise")

    monkeypatch.setattr(engine_runner, "self_test", wrong)
    bad = [tiny_maker.row(PROMPTS[index], max_tokens=2) for index in range(3)]
    for row in bad:
        row.prompt = (*row.prompt[:-1], POISON)
    runner = runner_for(tiny_maker)
    with pytest.raises(Broken, match="it answers otherwise"):
        finish(runner, bad)
    assert len(asked) == 1


def test_a_turn_that_fails_ends_what_was_under_way_and_no_more(tiny_maker, monkeypatch):
    """What is asked afterwards is answered; a broken engine ends."""
    runner, lost = runner_for(tiny_maker), tiny_maker.row(max_tokens=3)

    def fails():
        raise KeyError("row 7")

    with monkeypatch.context() as patched:
        patched.setattr(runner, "_admit", fails)
        runner.add([lost])
        Engine._turn(runner)
    assert lost.sink.failure.code == "engine_error" and "row 7" in lost.sink.failure.message
    row = tiny_maker.row(max_tokens=3)
    runner.add([row])
    while runner.busy:
        Engine._turn(runner)
    assert row.sink.finished is not None

    def broken():
        raise Broken("the device is lost")

    monkeypatch.setattr(runner, "turn", broken)
    with pytest.raises(Broken):
        Engine._turn(runner)
