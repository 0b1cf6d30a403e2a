"""`steering-server probe` from captured activations to a vector file."""

import csv

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from transformers import BertConfig, BertModel

from harness.errors import UsageError
from steering_server.capture.folder import open_activations
from steering_server.cli import cli
from steering_server.model.models import load
from steering_server.model.tiny import tokenizer
from steering_server.probing.features import encoded
from steering_server.vectors.registry import check_model
from steering_server.vectors.vectors import parse


def run(*arguments):
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def acts(tmp_path_factory):
    """Activations of a tiny model over 60 items."""
    folder = tmp_path_factory.mktemp("probe") / "acts"
    options = ("--items", "builtin", "--per-origin", 12, "--layers", "1-3", "--span", "turn_end")
    assert run("activations", "--model", "tiny:llama", *options, "-o", folder).exit_code == 0
    return folder


def target(folder, path, values):
    items = [item.id for item in open_activations(folder).items]
    lines = [f"{item},{value},0.1" for item, value in zip(items, values, strict=True)]
    path.write_text("\n".join(["item,utility,se", *lines, "unknown_1,0.5,0.1"]) + "\n")
    return path


def test_a_planted_direction_becomes_a_vector_of_the_model(acts, tmp_path):
    """What layer 2 says along a direction is found again: high held-out r, a direction along which
    predictions rise, norms and hashes of the model, and a table with every layer and design."""
    folder = open_activations(acts)
    rows = folder.matrix("turn_end", "last", 2)
    direction = np.random.default_rng(0).standard_normal(64)
    utilities = (rows - rows.mean(0)) @ direction
    utilities /= utilities.std()
    output = tmp_path / "probe.safetensors"
    path = target(acts, tmp_path / "u.csv", utilities)
    done = run("probe", "--activations", acts, "--target", path, "-o", output)
    assert done.exit_code == 0 and "0 have no target, 1 no activations" in done.output
    vector = parse(output.read_bytes(), where="probe")
    check_model(vector, load("tiny:llama"), where="probe")
    assert vector.layers == (1, 2, 3) and vector.origin.method == "probe"
    assert vector.norms == {
        kind: pytest.approx(by_layer) for kind, by_layer in folder.norms.items()
    }
    assert np.corrcoef(rows @ vector.directions[2].numpy(), utilities)[0, 1] > 0.9
    table = list(csv.DictReader((tmp_path / "probe.csv").open()))
    assert len(table) == 2 * (1 + 3)
    chosen = [row for row in table if row["layer"] == "-1"]
    assert [row["design"] for row in chosen] == ["items", "origins"]
    assert float(chosen[0]["r"]) > 0.7 and chosen[0]["beyond"] == "True"
    again = tmp_path / "again.safetensors"
    run("probe", "--activations", acts, "--target", path, "-o", again)
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "probe.csv").read_bytes()


def test_a_probe_that_cannot_be_had_says_why(acts, tmp_path):
    """A constant target, too few items, a folder without activations, a bad --where."""
    output = ("-o", tmp_path / "p.safetensors")
    path = target(acts, tmp_path / "flat.csv", [1.0] * 60)
    with pytest.raises(UsageError, match="is 1 for all 60"):
        run("probe", "--activations", acts, "--target", path, *output)
    few = tmp_path / "few.csv"
    few.write_text("\n".join(path.read_text().splitlines()[:8]) + "\n")
    with pytest.raises(UsageError, match="at least 20"):
        run("probe", "--activations", acts, "--target", few, *output)
    with pytest.raises(UsageError, match="activations … -o"):
        run("probe", "--activations", tmp_path, "--target", path, *output)
    with pytest.raises(UsageError, match="COLUMN=VALUE"):
        run("probe", "--activations", acts, "--target", path, "--where", "x", *output)


def test_a_text_encoder_is_a_further_control(tmp_path):
    """Mean hidden states of any encoder on disk; padding beside a longer text changes nothing."""
    coder = tokenizer()
    coder.save_pretrained(tmp_path)
    torch.manual_seed(0)
    BertModel(
        BertConfig(
            vocab_size=320,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
        )
    ).save_pretrained(tmp_path)
    both = encoded(["short", "a much longer text than that", "three"], str(tmp_path))
    alone = encoded(["short", "a much longer text than that", "three"], str(tmp_path), batch=1)
    assert both.shape == (3, 16) and np.allclose(both, alone, atol=1e-4)
    with pytest.raises(UsageError, match="text encoder"):
        encoded(["x"], str(tmp_path / "none"))
