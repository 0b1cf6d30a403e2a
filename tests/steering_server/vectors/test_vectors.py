"""Vector files, extraction, importing: what goes in is checked, and a dose is what it says."""

import csv

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import PenchantError, UsageError
from steering_server.cli import cli
from steering_server.extraction.importing import import_vector
from steering_server.model.models import load
from steering_server.model.tiny import FAMILIES
from steering_server.vectors.directions import logistic, mean_difference, principal
from steering_server.vectors.vectors import NORMS, Origin, parse, serialize

FACTS = {"model": "m", "weights": "w", "template": "t", "method": "mean_diff"}
ORIGIN = Origin(**FACTS, selector="last", span="prompt", default_layer=1)


def norms(layers, value=5.0):
    return {kind: dict.fromkeys(layers, value) for kind in NORMS}


@settings(deadline=None, max_examples=40)
@given(coef=st.floats(-100, 100), norm=st.floats(1e-3, 1e6), seed=st.integers(0, 99))
def test_a_dose_is_coefficient_times_reference(coef, norm, seed):
    """|delta| = |coef| × reference norm, whatever the direction's own length was."""
    direction = torch.randn(16, generator=torch.Generator().manual_seed(seed)) * norm
    vector = parse(serialize({1: direction}, norms([1], norm), ORIGIN), where="x")
    assert float(vector.delta(1, coef).norm()) == pytest.approx(abs(coef) * norm, rel=1e-4)


def test_a_file_round_trips_and_its_hash_is_its_content():
    """Reading gives back what was written; another content has another hash."""
    data = serialize({1: torch.ones(8), 3: -torch.ones(8)}, norms([1, 3]), ORIGIN)
    vector = parse(data, where="x")
    assert vector.origin == ORIGIN and vector.layers == (1, 3)
    assert data == serialize({3: -torch.ones(8), 1: torch.ones(8)}, norms([1, 3]), ORIGIN)
    other = parse(serialize({1: torch.ones(8)}, norms([1]), ORIGIN), where="x")
    assert other.sha256 != vector.sha256


@pytest.mark.parametrize(
    "bad", [torch.zeros(8), torch.full((8,), torch.nan), torch.ones(8) * 1e-12]
)
def test_directions_without_a_direction_are_refused(bad):
    """Zero, nearly zero and not finite."""
    with pytest.raises(UsageError, match="norm"):
        serialize({1: bad}, norms([1]), ORIGIN)


def test_files_that_are_not_vectors_are_refused():
    """Garbage, truncated bytes, foreign safetensors, a reference norm of zero."""
    from safetensors.torch import save

    good = serialize({1: torch.ones(8)}, norms([1]), ORIGIN)
    foreign = save({"a": torch.ones(3)})
    flat = serialize({1: torch.ones(8)}, norms([1], 0.0), ORIGIN)
    for data in (b"", b"junk", good[:40], good[:-8], foreign, flat):
        with pytest.raises(UsageError):
            parse(data, where="the file")


def planted(rng, *, items=60, width=24):
    direction = rng.standard_normal(width)
    direction /= np.linalg.norm(direction)
    base = rng.standard_normal((items, width))
    sides = [
        base + sign * 2 * direction + 0.3 * rng.standard_normal(base.shape) for sign in (1, -1)
    ]
    return direction, *sides


@pytest.mark.parametrize("method", [mean_difference, principal, logistic])
def test_every_method_finds_a_planted_direction(method):
    """Direction and sign; the boundary's normal leans to what separates best."""
    direction, positive, negative = planted(np.random.default_rng(0))
    found = method(positive, negative)
    assert found @ direction / np.linalg.norm(found) > 0.8


def run(*arguments):
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def extracting(folder, *more):
    return run(
        *("extract", "--model", "tiny:llama", "--positive", "loves_math"),
        *("--negative", "hates_math", "--items", "builtin:math", "--per-origin", 4),
        *("--completion-tokens", 3, "--batch", 2, "-o", folder / "math.safetensors", *more),
    )


def test_extract_writes_vectors_norms_and_controls(tmp_path):
    """One file a selector, controls of equal norms, a table; nothing partial is left."""
    assert extracting(tmp_path, "--selectors", "first,last,mean", "--controls", 2).exit_code == 0
    files = {path.name: path for path in tmp_path.iterdir()}
    assert set(files) == {
        "math.safetensors",
        "math.first.safetensors",
        "math.mean.safetensors",
        "math.random-00.safetensors",
        "math.random-01.safetensors",
        "math.norms.csv",
    }
    main, control = (
        parse(files[name].read_bytes(), where=name)
        for name in ("math.safetensors", "math.random-00.safetensors")
    )
    assert main.norms == control.norms and main.layers == (0, 1, 2, 3)
    assert abs(float(main.directions[2] @ control.directions[2])) < 0.9
    rows = list(csv.DictReader(files["math.norms.csv"].open()))
    assert len(rows) == 3 * 4 and {"mean_without_sink", "mean_all"} <= set(rows[0])


def test_an_interrupted_extraction_goes_on_to_the_same_vector(tmp_path, monkeypatch):
    """Finished chunks are not done again, and the result is that of an uninterrupted run."""
    from steering_server.extraction import extract as module

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    extracting(whole)
    done = []
    original = module._chunk

    def failing(loaded, items, *rest):
        if done:
            raise KeyboardInterrupt
        done.append(items)
        return original(loaded, items, *rest)

    monkeypatch.setattr(module, "_chunk", failing)
    with pytest.raises((KeyboardInterrupt, SystemExit, AssertionError)):
        assert extracting(cut).exit_code == 0
    again = []
    monkeypatch.setattr(
        module,
        "_chunk",
        lambda loaded, items, *rest: again.append(1) or original(loaded, items, *rest),
    )
    with pytest.raises(PenchantError, match="other settings"):
        extracting(cut, "--seed", 5)
    assert extracting(cut).exit_code == 0
    assert len(again) == 1
    paths = [folder / "math.safetensors" for folder in (whole, cut)]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_sink_is_not_in_the_reference():
    """With a first token of enormous norm, the reference stays that of the other tokens."""
    from harness.items.builtin import builtin_items
    from steering_server.extraction.importing import measure_norms

    loaded = load("tiny:gpt2")
    items = builtin_items("math")[:3]
    before = measure_norms(loaded, items)
    with torch.no_grad():
        loaded.model.transformer.wpe.weight[0] *= 1000
    after = measure_norms(loaded, items)
    assert after["mean_all"][0] > 3 * before["mean_all"][0]
    assert after["mean_without_sink"][0] < 1.5 * before["mean_without_sink"][0]


def test_importing_keeps_the_direction_and_says_what_the_length_meant():
    """unit and raw take the given norms, activation its own; a wrong claim is refused."""
    loaded = load("tiny:llama")
    direction = torch.randn(64, generator=torch.Generator().manual_seed(1))
    known = norms(range(4), 9.0)

    def bring(vector, scale, table=known):
        data = import_vector(
            loaded, {2: vector}, scale=scale, norms=table, note="t", created="2026-01-01"
        )
        return parse(data, where="x").delta(2, 1.0)

    unit = direction / direction.norm()
    assert torch.allclose(bring(unit, "unit"), 9 * unit, atol=1e-5)
    assert torch.allclose(bring(direction * 3, "raw"), 9 * unit, atol=1e-5)
    assert torch.allclose(bring(unit * 7, "activation", None), 7 * unit, atol=1e-5)
    for vector, scale, table in (
        (direction, "unit", known),
        (direction, "raw", None),
        (torch.zeros(64), "raw", known),
        (torch.ones(63), "raw", known),
    ):
        with pytest.raises(UsageError):
            bring(vector, scale, table)


@pytest.mark.parametrize("name", ["table.npy", "named.npz", "table.pt"])
def test_import_reads_what_others_write(tmp_path, name):
    """A table [layers, width], or one named vector a layer."""
    table = np.random.default_rng(0).standard_normal((4, 64)).astype(np.float32)
    path = tmp_path / name
    if name.endswith("npy"):
        np.save(path, table)
    elif name.endswith("npz"):
        np.savez(path, **{f"layer_{index}": row for index, row in enumerate(table)})
    else:
        torch.save(torch.from_numpy(table), path)
    output = tmp_path / "mine.safetensors"
    options = ("--model", "tiny:llama", "--scale", "raw", "--items", "builtin:math")
    assert run("vectors", "import", path, *options, "-o", output).exit_code == 0
    vector = parse(output.read_bytes(), where="x")
    for layer in range(4):
        expected = table[layer] / np.linalg.norm(table[layer])
        assert np.allclose(vector.directions[layer], expected, atol=1e-5)
    assert run("vectors", "list", tmp_path).exit_code == 0


def test_usage_errors_name_value_and_allowed(tmp_path):
    """Unknown families, layers, selectors and files."""
    with pytest.raises(UsageError, match=r"lama.*llama"):
        load("tiny:lama")
    for more, named in (
        (("--layers", "9"), "0 to 3"),
        (("--layers", "a-b"), "10-20"),
        (("--selectors", "middle"), "first,last,mean"),
        (("--positive", "loves_maths"), "loves_math"),
    ):
        with pytest.raises(UsageError, match=named):
            extracting(tmp_path, *more)
    assert "gpt_neox" in FAMILIES
