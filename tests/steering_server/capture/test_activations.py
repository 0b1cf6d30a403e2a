"""Captured activations: a plain forward's, whatever the batches, whole or not at all."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from harness.errors import UsageError
from harness.items.item import Item
from steering_server.capture import passing
from steering_server.capture.completions import read_completions
from steering_server.capture.folder import open_activations
from steering_server.capture.passing import Wanted, capture
from steering_server.capture.placed import place
from steering_server.cli import cli
from steering_server.commands import activations as command
from steering_server.model.models import load
from steering_server.model.tiny import FAMILIES

TEXTS = ("Hi", "Prove that there are infinitely many primes.", "Write a poem.", "x" * 60, "b")
ITEMS = [Item(id=f"i{n}", text=text, origin="ab"[n % 2]) for n, text in enumerate(TEXTS)]
SPANS = ("item", "turn_end", "prompt", "completion")


def placed_items(loaded):
    return [place(loaded, item, system="Be kind.", completion=item.text[::-1]) for item in ITEMS]


def plain(loaded, tokens):
    """Outputs of every layer for one sequence, by hooks of this test's own."""
    kept = []

    def keep(module, args, output):
        kept.append((output[0] if isinstance(output, tuple) else output)[0].clone())

    handles = [layer.register_forward_hook(keep) for layer in loaded.layers]
    try:
        loaded.model(input_ids=torch.tensor([tokens]))
    finally:
        for handle in handles:
            handle.remove()
    return torch.stack(kept)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_captured_is_what_a_plain_pass_has(family):
    """Every span, selector and layer within 1e-4, in padded batches as alone, on every family."""
    loaded = load(f"tiny:{family}")
    placed = placed_items(loaded)
    wanted = Wanted(SPANS, ("first", "last", "mean", "all"), (1, 3), tokens=200)
    found = capture(loaded, placed, wanted)
    at = dict.fromkeys(SPANS, 0)
    for row, one in enumerate(placed):
        hidden = plain(loaded, one.tokens)[[1, 3]]
        for span in SPANS:
            start, end = one.spans[span]
            part = hidden[:, start:end]
            every = found[f"{span}.all"][at[span] : at[span] + end - start]
            at[span] += end - start
            assert int(found[f"{span}.length"][row]) == end - start
            for given, expected in (
                (found[f"{span}.first"][row], part[:, 0]),
                (found[f"{span}.last"][row], part[:, -1]),
                (found[f"{span}.mean"][row], part.mean(1)),
                (every, part.transpose(0, 1)),
            ):
                assert torch.allclose(given, expected, atol=1e-4, rtol=1e-4)
    assert found["norms"].shape == (2, sum(len(one.tokens) for one in placed))
    assert int(found["first"].sum()) == int(found["last"].sum()) == len(placed)


def test_a_pass_is_bounded_and_halved_when_memory_runs_out(monkeypatch):
    """Rows × longest stays within the bound; a pass that does not fit is split, and the result is
    the same; a conversation that does not fit alone is an error."""
    loaded = load("tiny:llama")
    placed = placed_items(loaded)
    wanted = Wanted(("item",), ("mean",), (2,), tokens=400)
    whole, sizes = capture(loaded, placed, wanted), []
    original, most = passing.left_padded, 10**9

    def counting(loaded, prompts):
        size = len(prompts) * max(map(len, prompts))
        sizes.append(size)
        if size > most:
            raise torch.OutOfMemoryError("out of memory")
        return original(loaded, prompts)

    monkeypatch.setattr(passing, "left_padded", counting)
    capture(loaded, placed, wanted)
    assert max(sizes) <= 400 and len(sizes) < len(placed)
    most = 250
    halved = capture(loaded, placed, wanted)
    for name, tensor in whole.items():
        assert torch.allclose(tensor, halved[name], atol=1e-5), name
    most = 100
    with pytest.raises(UsageError, match="does not fit"):
        capture(loaded, placed, wanted)


def run(*arguments):
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def capturing(folder, *more):
    return run(
        *("activations", "--model", "tiny:llama", "--items", "builtin", "--per-origin", 2),
        *("--selectors", "last,mean", "--span", "item,prompt", "--batch", 3, "-o", folder, *more),
    )


def test_an_interrupted_capture_goes_on_to_the_same_files(tmp_path, monkeypatch):
    """Finished files are not made again, an unfinished folder is not read, and the end is that of
    an uninterrupted run."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert capturing(whole).exit_code == 0
    calls = []

    def failing(loaded, placed, wanted):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(len(placed))
        return capture(loaded, placed, wanted)

    monkeypatch.setattr(command, "capture", failing)
    assert capturing(cut).exit_code != 0
    with pytest.raises(UsageError, match="2 of 4 chunks are missing"):
        open_activations(cut)
    calls.clear()
    assert capturing(cut).exit_code == 0 and calls == [3, 1]
    calls.clear()
    assert capturing(cut).exit_code == 0 and calls == []
    assert {path.name for path in cut.iterdir()} == {path.name for path in whole.iterdir()}
    for path in whole.glob("*.safetensors"):
        mine, other = load_file(path), load_file(cut / path.name)
        assert all(torch.equal(mine[name], other[name]) for name in mine)


def test_a_layer_is_read_by_itself_in_the_order_of_the_items(tmp_path):
    """`matrix` is [items, width] over all files; what was not captured is an error."""
    assert capturing(tmp_path / "acts").exit_code == 0
    folder = open_activations(tmp_path / "acts")
    loaded = load("tiny:llama")
    found = folder.matrix("item", "mean", 2)
    assert found.shape == (10, 64) and found.dtype == np.float64
    for row in (0, 4, 9):
        one = place(loaded, folder.items[row].item(), system=None, completion=None)
        start, end = one.spans["item"]
        expected = plain(loaded, one.tokens)[2, start:end].mean(0)
        assert np.allclose(found[row], expected.numpy(), atol=1e-4)
        assert folder.lengths("item")[row] == end - start
    assert set(folder.norms) == {"mean_without_sink", "median", "last", "mean_all"}
    for asked in (("item", "first", 2), ("completion", "last", 2), ("item", "last", 4)):
        with pytest.raises(UsageError, match="it has"):
            folder.matrix(*asked)


def test_other_settings_do_not_mix_into_a_folder(tmp_path):
    """A folder of other items, or of something else, is refused and left as it is."""
    assert capturing(tmp_path / "acts").exit_code == 0
    before = (tmp_path / "acts" / "plan.json").read_bytes()
    for more in (("--layers", "1"), ("--system", "loves_math"), ("--store", "float16")):
        with pytest.raises(UsageError, match="other items or settings"):
            capturing(tmp_path / "acts", *more)
    assert (tmp_path / "acts" / "plan.json").read_bytes() == before
    template = tmp_path / "switch.jinja"
    template.write_text(
        "{% for m in messages %}{{ m['content'] }}\n{% endfor %}{{ 'Think.' if think else '' }}"
    )
    own = ("--chat-template", template)
    assert capturing(tmp_path / "own", *own).exit_code == 0
    for more in (("--chat-template-kwargs", '{"think": true}'), ("--system-as", "user")):
        with pytest.raises(UsageError, match="other items or settings"):
            capturing(tmp_path / "own", *own, *more)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(UsageError, match="not empty"):
        capturing(tmp_path / "mine")
    for more, named in ((("--span", "middle"), "turn_end"), (("--selectors", "x"), "mean")):
        with pytest.raises(UsageError, match=named):
            capturing(tmp_path / "other", *more)
    with pytest.raises(UsageError, match="--completions"):
        capturing(tmp_path / "other", "--span", "completion")


def test_completions_come_from_a_log_or_from_lines(tmp_path, run_eval):
    """Both give the same text under the same item; items without one are left out and counted."""
    log = run_eval("completions.py", task_args={"items": "builtin:math", "per_origin": 3})
    lines = tmp_path / "mine.jsonl"
    known = read_completions(tmp_path / "logs" / log.location.rsplit("/", 1)[-1])
    kept = [{"id": item, "completion": one["text"]} for item, one in list(known.items())[:2]]
    lines.write_text("\n".join(map(json.dumps, kept)) + "\n")
    assert len(known) == 3 and all("refused" in one for one in known.values())
    assert {one["item"]: one["text"] for one in read_completions(lines).values()} == {
        one["id"]: one["completion"] for one in kept
    }
    options = ("--model", "tiny:llama", "--items", "builtin:math", "--span", "completion")
    done = run("activations", *options, "--completions", lines, "-o", tmp_path / "acts")
    assert done.exit_code == 0 and "42 left out" in done.output
    assert len(open_activations(tmp_path / "acts").items) == 2
