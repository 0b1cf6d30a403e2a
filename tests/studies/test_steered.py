"""Steering studies: what is planted, what is refused before a call, and what a server does."""

import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from harness.errors import PenchantError, UsageError
from harness.items.marked import BROKEN, SAID, basis, marked_items
from harness.prompts.ratings import ANCHORED_PRECISE_1_5
from harness.records.judgement import Judgement, judgement_frame
from harness.stats.effects.dose import against_random
from harness.stats.intervals import Estimate, FloatArray, undefined
from harness.studies.catalogue import get_study
from harness.studies.forecast import study_forecast
from harness.studies.models import SERVER
from harness.studies.parameters import read_parameters
from harness.studies.steered import serving
from harness.studies.steered.answers import verdicts_by_text
from harness.studies.steered.files import random_like, read_vector
from harness.studies.steered.slopes import slope_row, slope_words
from harness.studies.steered.truth import context_of, expected_rating, spoken, streams_of
from harness.wire import Message
from steering_server.model.models import Loaded, load
from steering_server.vectors.vectors import NORMS, Origin, parse, serialize

STEERING = ("steering-stated", "steering-open-ended", "steering-norms")


@pytest.fixture(scope="module")
def planted() -> Loaded:
    torch.set_num_threads(1)
    return load("tiny:planted", name="planted")


def shares(loaded: Loaded, messages: list[Message], push: FloatArray) -> FloatArray:
    """Probabilities of all tokens by a plain pass with a hook of its own after layer 1."""
    text = loaded.tokenizer.apply_chat_template(
        [{"role": one.role, "content": one.content} for one in messages],
        tokenize=False,
        add_generation_prompt=True,
    )
    tokens = loaded.tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
    added = torch.tensor(push, dtype=torch.float32)

    def hook(module: Any, given: Any, out: Any) -> Any:
        return (out[0] + added, *out[1:]) if isinstance(out, tuple) else out + added

    handle = loaded.model.transformer.h[1].register_forward_hook(hook)
    with torch.inference_mode():
        found = loaded.model(tokens).logits[0, -1].softmax(-1).numpy()
    handle.remove()
    return np.asarray(found, dtype=np.float64)


def token(loaded: Loaded, text: str) -> int:
    (found,) = loaded.tokenizer(text, add_special_tokens=False).input_ids
    return int(found)


PUSHES = {
    "none": np.zeros(64),
    "liked": 3 * basis()["liking"],
    "too far": 6 * basis()["liking"],
    "hated": -3 * basis()["liking"],
    "random": np.random.default_rng(0).standard_normal(64) * 0.7,
}


@pytest.mark.parametrize("name", PUSHES)
def test_the_planted_model_does_what_its_truth_says(planted: Loaded, name: str) -> None:
    """The built model and the formula that studies take for its truth agree under any push."""
    push = PUSHES[name]
    question = Message("user", ANCHORED_PRECISE_1_5.questions["post"])
    system = Message("system", "You hate mathematics.")
    for item in marked_items()[:5]:
        asked = [Message("user", item.text)]
        found = shares(planted, asked, push)
        said = spoken(context_of(asked), push, sentences=1)
        for chance, (sentence,) in said:
            assert found[token(planted, sentence)] == pytest.approx(chance, abs=2e-6)
        answer = Message("assistant", "".join([*SAID, BROKEN][item.text.count("love") % 3 :]))
        rated = [system, *asked, answer, question]
        digits = shares(planted, rated, push)[[token(planted, one) for one in "12345"]]
        mean = float(digits @ np.arange(1, 6) / digits.sum())
        assert mean == pytest.approx(expected_rating(context_of(rated), push), abs=1e-5)
        assert digits.sum() > 0.9


def test_the_streams_of_the_truth_are_the_models(planted: Loaded) -> None:
    """Activations, and with them norms, are those of the built model, the first token's too."""
    messages = [Message("system", "I love it."), Message("user", "Take hate, 3 times.")]
    said = (next(iter(SAID)), BROKEN)
    text = planted.tokenizer.apply_chat_template(
        [{"role": one.role, "content": one.content} for one in messages],
        tokenize=False,
        add_generation_prompt=True,
    ) + "".join(said)
    tokens = planted.tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
    with torch.inference_mode():
        states = planted.model(tokens, output_hidden_states=True).hidden_states[2][0].numpy()
    np.testing.assert_allclose(streams_of(messages, said), states, atol=2e-4)


def vector_file(path: Path, width: int = 64) -> Path:
    origin = Origin(model="m", weights="w", template="t", method="mean_diff", selector="last",
                    span="prompt", default_layer=2)  # fmt: skip
    norms = {kind: {1: 7.0, 2: 8.0} for kind in NORMS}
    path.write_bytes(serialize({1: torch.randn(width), 2: torch.randn(width)}, norms, origin))
    return path


def test_a_random_direction_has_the_norm_of_the_vector(tmp_path: Path) -> None:
    """A dose of a random direction is as long as the same dose of the concept; the server takes the
    file, another number is another direction, and the same number the same."""
    vector = read_vector(vector_file(tmp_path / "v.safetensors"))
    data = [random_like(vector, number) for number in range(2)]
    assert data[0] != data[1]
    assert data[0] == random_like(vector, 0)
    made = parse(data[0], where="random")
    assert made.origin.method == "random"
    for layer in (1, 2):
        own, other = vector.push(0.3, layer), made.delta(layer, 0.3).numpy()
        assert np.linalg.norm(own) == pytest.approx(np.linalg.norm(other), rel=1e-5)
        assert abs(own @ other) / np.linalg.norm(own) ** 2 < 0.7


def refused(name: str, *, rehearse: bool = False, **given: Any) -> str:
    study = get_study(name)
    with pytest.raises(PenchantError) as error:
        study.design(read_parameters(study, given, rehearse=rehearse))
    (line,) = str(error.value).splitlines()
    return line


@pytest.mark.parametrize("name", STEERING)
def test_what_cannot_be_steered_is_said_before_any_call(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No model, no model's directory, a rater beside it, no torch: one line, and nothing begins."""
    judge = {"judge": "sim/judge"} if name == "steering-open-ended" else {}
    assert "--model DIR" in refused(name, **judge)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "config.json" in refused(name, model=(str(empty),), **judge)
    assert "no such directory" in refused(name, model=(str(tmp_path / "none"),), **judge)
    assert "--rater" in refused(name, raters=("sim/faithful",), **judge)
    monkeypatch.setattr("harness.studies.steered.model.find_spec", lambda name: None)
    assert "penchant[steering]" in refused(name, model=("tiny:planted",), **judge)


def test_vectors_judges_and_doses_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """A vector of another width or none, no judge, too few doses or random directions."""
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"hidden_size": 128}')
    vector = str(vector_file(tmp_path / "v.safetensors"))
    stated, opened = "steering-stated", "steering-open-ended"
    assert "does not fit" in refused(stated, model=(str(model),), vector=(vector,))
    (tmp_path / "no.safetensors").write_bytes(b"\x10" + 40 * b"\0")
    no = str(tmp_path / "no.safetensors")
    assert "is not a vector file" in refused(stated, model=("tiny:planted",), vector=(no,))
    assert "needs a judge" in refused(opened, model=("tiny:planted",))
    assert "two doses" in refused(stated, rehearse=True, doses=(0.0, 0.2))
    assert "at least 3" in refused(stated, rehearse=True, randoms=2)
    assert "--vector FILE" in refused(stated, server="http://127.0.0.1:1")
    assert "none too" in refused(stated, rehearse=True, personas=("loves_math",))


def test_answers_to_open_questions_have_the_seed_that_is_asked_for() -> None:
    """`completion_seed` is that of every cell's eval, so that another run has other answers."""
    study = get_study("steering-open-ended")
    parameters = read_parameters(study, {"completion_seed": 7, "randoms": 3}, rehearse=True)
    cells = study.design(parameters).cells
    assert {cell.options["completion_seed"] for cell in cells} == {7}


def test_answers_to_open_questions_are_planned_as_often_as_they_are_made() -> None:
    """One a question and seed of every cell, and as many coherence verdicts."""
    study = get_study("steering-open-ended")
    parameters = read_parameters(study, {"seeds": 3, "randoms": 3}, rehearse=True)
    design = study.design(parameters)
    plan = study_forecast(design, seeds=3)
    assert plan.completions == len(design.cells) * 5 * 3
    assert plan.judgements >= plan.completions


def test_answers_that_are_no_language_leave_a_judge_without_attitudes() -> None:
    """That is no missing judge; without any verdict, or with two judges, it is said."""
    said = Judgement(judge="j", judge_identity="i", wording_hash="w", kind="coherence",
                     subject="t", value=0.0)  # fmt: skip
    frame = judgement_frame([said])
    assert verdicts_by_text(frame, "attitude", "s").height == 0
    assert verdicts_by_text(frame, "coherence", "s").to_dicts() == [
        {"subject": "t", "coherence": 0.0}
    ]
    with pytest.raises(UsageError, match="these logs have none"):
        verdicts_by_text(frame.clear(), "attitude", "s")
    other = msgspec.structs.replace(said, judge="k")
    with pytest.raises(UsageError, match="these logs have j, k"):
        verdicts_by_text(judgement_frame([said, other]), "coherence", "s")


def test_a_slope_that_is_not_there_is_not_said_in_numbers() -> None:
    """Too few coherent doses, or too few random slopes, are said as such: no nan in a sentence."""
    none = undefined("answers are coherent at fewer than two doses")
    row = slope_row(none, against_random(none.estimate, np.array([1.0, 2.0, 3.0])))
    assert slope_words(row, "over all") == (
        "no slope (answers are coherent at fewer than two doses)."
    )
    known = Estimate(estimate=1.0, low=0.5, high=1.5)
    alone = slope_words(slope_row(known, against_random(1.0, np.full(3, np.nan))), "over all")
    assert "only 0 random directions" in alone and "nan" not in alone
    beside = slope_words(slope_row(known, against_random(1.0, np.array([0.1, 0.2, 0.3]))), "x")
    assert "3 random directions of the same norm stay within ± 0.69" in beside


def test_a_server_is_gone_after_an_error_and_says_why_it_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever happens inside, the process has ended and the variable is as it was; one that does
    not start is one line."""
    monkeypatch.delenv(SERVER, raising=False)
    study = get_study("steering-stated")
    vector = str(vector_file(tmp_path / "v.safetensors"))
    given = read_parameters(
        study, {"vector": (vector,), "model": ("tiny:planted",)}, rehearse=True, small=True
    )
    started = []
    real = serving._started

    def fake(line: Any, *, held: bool = False) -> Any:
        monkeypatch.setattr(serving, "_COMMAND", ("/bin/sh", "-c", script, "sh"))
        started.append(real(line, held=held))
        return started[-1]

    monkeypatch.setattr(serving, "_started", fake)
    script = "echo 'x: 4 layers; http://127.0.0.1:9' >&2; read gone"
    for kind in (ValueError, KeyboardInterrupt):
        with pytest.raises(kind), study.ready(given, tmp_path):
            assert os.environ[SERVER] == "http://127.0.0.1:9"
            assert started[-1].poll() is None
            raise kind
        assert started[-1].poll() is not None
        assert SERVER not in os.environ
    script = "echo 'steering-server: cannot load model' >&2; exit 2"
    with (
        pytest.raises(UsageError, match="did not start: cannot load model"),
        study.ready(given, tmp_path),
    ):
        raise AssertionError
    assert started[-1].poll() is not None
