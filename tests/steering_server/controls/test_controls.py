"""A steered choice beside random directions: what is added where, and what the table says."""

import csv

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from harness.errors import UsageError
from harness.items.builtin import builtin_items
from harness.items.item import Item
from harness.prompts.choices import CHOICES
from steering_server.cli import cli
from steering_server.controls.passes import OPENINGS, Sides, asked_all, side_effects
from steering_server.controls.pushes import Push, at_angle, directions
from steering_server.controls.questions import ask, draw_pairs
from steering_server.controls.table import effects, rank_p
from steering_server.engine.runner import Sizes
from steering_server.model.models import load
from steering_server.vectors.vectors import NORMS, Origin, serialize

LLAMA = load("tiny:llama")
ITEMS = builtin_items("alpaca")[:2] + builtin_items("math")[:2]
TEMPLATE = CHOICES["simple_preference"]


def decode(tokens):
    return LLAMA.tokenizer.decode(tokens, skip_special_tokens=False)


def question(pair=(ITEMS[0], ITEMS[3])):
    return ask(LLAMA, pair, TEMPLATE, ("A", "B"), None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Add 2 and 3.", "Write a poem."),
        ("task", "<task>\nx\n</task>"),
        ("x", ">\nx\n</"),
        ("the same", "the same and more"),
    ],
)
def test_spans_are_the_two_items_in_both_orders(one, other):
    """Also where an item quotes the delimiters, or the other item; labels follow the items."""
    pair = (Item(id="i", text=one, origin="o"), Item(id="j", text=other, origin="p"))
    asked = question(pair)
    for shown in (asked.first, asked.second):
        assert decode(shown.tokens[slice(*shown.item)]) == one
        assert decode(shown.tokens[slice(*shown.other)]) == other
    assert asked.first.item < asked.first.other and asked.second.item > asked.second.other
    assert [decode(choice) for choice in asked.first.choices] == ["A", "B"]
    assert [decode(choice) for choice in asked.second.choices] == ["B", "A"]


def plain(asked, push, positions):
    """Log-probabilities of the labels by a forward and a hook of this test's own."""
    delta = torch.from_numpy(push.delta).float()

    def add(module, args, output):
        hidden = output[0] if isinstance(output, tuple) else output
        if positions == "contrast":
            hidden[:, slice(*asked.item)] += delta
            hidden[:, slice(*asked.other)] -= delta
        elif positions == "all":
            hidden += delta
        else:
            hidden[:, -1] += delta
        return output

    handle = LLAMA.layers[push.layer].register_forward_hook(add)
    try:
        logits = LLAMA.model(input_ids=torch.tensor([asked.tokens])).logits[0, -1]
    finally:
        handle.remove()
    logprobs = torch.log_softmax(logits.float(), -1)
    return [float(logprobs[choice[0]]) for choice in asked.choices]


@pytest.mark.parametrize("positions", ["contrast", "all", "last_prompt"])
def test_every_direction_is_added_where_it_says_and_alone(positions):
    """Log-probabilities equal a plain pass's within 1e-4, for each question, order, direction."""
    rng = np.random.default_rng(0)
    pushes = directions(
        rng.standard_normal(64), rng.standard_normal(64), layer=1, norm=6.0, count=3, rng=rng
    )
    questions = [question(), question((ITEMS[1], ITEMS[2]))]
    found = asked_all(
        LLAMA, questions, pushes, positions, sizes=Sizes(rows=5), advance=lambda: None
    )
    assert found.shape == (2, 2, 8, 2)
    for index, each in enumerate(questions):
        for order, asked in enumerate((each.first, each.second)):
            for at, push in enumerate(pushes):
                expected = plain(asked, push, positions)
                assert np.allclose(np.log(found[index, order, at]), expected, atol=1e-4)
    assert np.abs(np.log(found[:, :, 1] / found[:, :, 0])).max() > 0.1


def test_controls_have_the_norm_and_the_angle_of_the_vector():
    """Equal norms; angled ones have the vector's cosine with the mean, and differ; a negative dose
    is as long."""
    rng = np.random.default_rng(1)
    mean = rng.standard_normal(64)
    vector = rng.standard_normal(64) + 0.7 * mean
    pushes = directions(vector, mean, layer=2, norm=-3.0, count=32, rng=rng)
    assert [push.kind for push in pushes] == ["unsteered", "vector"] + ["random"] * 32 + [
        "angled"
    ] * 32
    assert np.allclose([np.linalg.norm(push.delta) for push in pushes[1:]], 3.0)

    def cosines(kind, axis):
        rows = np.array([push.delta for push in pushes if push.kind == kind])
        return rows @ axis / np.linalg.norm(rows, axis=1) / np.linalg.norm(axis)

    assert np.allclose(cosines("angled", mean), cosines("vector", mean))
    assert abs(cosines("random", mean).mean()) < 0.1 < abs(cosines("vector", mean)[0])
    rest = vector - (vector @ mean) / (mean @ mean) * mean
    assert abs(cosines("angled", rest).mean()) < 0.1
    assert np.linalg.norm(at_angle(mean, mean, rng=rng)) == pytest.approx(1)


def probabilities(content, position):
    """[questions, 2, pushes, 2] whose logits are content ± position."""
    logit = np.stack([content + position, content - position], axis=1)
    one = 1 / (1 + np.exp(-logit))
    return 0.3 * np.stack([one, 1 - one], axis=-1)


def test_shift_and_position_are_told_apart():
    """Planted content moves the shift alone, planted position the position effect alone; the mass
    is that of both labels."""
    rng = np.random.default_rng(2)
    base, place = rng.standard_normal((30, 1)), rng.standard_normal((30, 1)) + 2
    moved = np.array([0.0, 0.5, 0.0, -0.2])
    slid = np.array([0.0, 0.0, 0.7, 0.1])
    pushes = [
        Push(name, kind, 0, np.eye(4)[index])
        for index, (name, kind) in enumerate(
            [("unsteered", "unsteered"), ("vector", "vector"), ("r", "random"), ("a", "angled")]
        )
    ]
    found = probabilities(base + moved, place + slid)
    rows = effects(found, Sides(np.zeros(4), np.zeros(4)), pushes)
    assert np.allclose([row.shift for row in rows], moved)
    assert np.allclose([row.position_shift for row in rows], slid)
    assert np.allclose([row.position for row in rows], place.mean() + slid)
    assert np.allclose([row.label_mass for row in rows], 0.3)
    assert rows[1].cosine == pytest.approx(1) and rows[2].cosine == 0


def test_p_is_the_rank_either_way():
    """(1 + how many of a kind move as much or more) / (1 + how many there are)."""
    pushes = [Push("u", "unsteered", 0, np.zeros(2)), Push("v", "vector", 0, np.ones(2))]
    pushes += [Push(f"r{n}", "random", 0, np.ones(2)) for n in range(3)]
    pushes += [Push("a", "angled", 0, np.ones(2))]
    content = np.array([[0.0, 0.4, -0.6, 0.1, 0.2, 0.1]] * 3) + np.zeros((3, 1))
    rows = effects(
        probabilities(content, np.zeros((3, 6))), Sides(np.zeros(6), np.zeros(6)), pushes
    )
    assert rank_p(rows, "random") == 0.5 and rank_p(rows, "angled") == 0.5


def test_side_effects_are_exact_refusals_and_the_unsteered_models_own_judgement():
    """Greedy words of the unsteered model have its own best log-probability; a large push is less
    coherent; the refusal's mass is that of the openings."""
    rng = np.random.default_rng(3)
    pushes = directions(
        rng.standard_normal(64), rng.standard_normal(64), layer=0, norm=60.0, count=2, rng=rng
    )
    sides = side_effects(
        LLAMA, ITEMS[:2], pushes, "all", tokens=6, sizes=Sizes(rows=8), advance=lambda: None
    )
    assert (sides.coherence[0] > sides.coherence[1:]).all()
    means = []
    for item in ITEMS[:2]:
        text = LLAMA.tokenizer.apply_chat_template(
            [{"role": "user", "content": item.text}], tokenize=False, add_generation_prompt=True
        )
        tokens = LLAMA.tokenizer(text, add_special_tokens=False).input_ids
        scores = []
        for _ in range(6):
            table = torch.log_softmax(
                LLAMA.model(input_ids=torch.tensor([tokens])).logits[0, -1], -1
            )
            scores.append(float(table.max()))
            tokens = [*tokens, int(table.argmax())]
            if tokens[-1] in LLAMA.stops:
                break
        means.append(np.mean(scores))
    assert sides.coherence[0] == pytest.approx(np.mean(means), abs=1e-4)
    assert ((sides.refusal > 0) & (sides.refusal < 1)).all() and len(set(OPENINGS)) == len(OPENINGS)


def test_pairs_are_drawn_once_and_towards_an_origin():
    """No pair twice, either way round; with an origin, its item is the one of interest."""
    rng = np.random.default_rng(4)
    pairs = draw_pairs(ITEMS, 6, None, rng)
    assert len({frozenset((one.id, other.id)) for one, other in pairs}) == 6
    for one, other in draw_pairs(ITEMS, 4, "math", rng):
        assert one.origin == "math" and other.origin != "math"
    for count, towards, named in ((7, None, "6 pairs"), (2, "poems", "alpaca, math")):
        with pytest.raises(UsageError, match=named):
            draw_pairs(ITEMS, count, towards, rng)


def run(*arguments):
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_one_command_writes_every_direction(tmp_path):
    """Unsteered, the vector and both kinds of control in one table; errors name the value."""
    layers = range(4)
    facts = {"model": LLAMA.id, "weights": LLAMA.weights, "template": LLAMA.template}
    origin = Origin(**facts, method="random", selector="none", span="prompt", default_layer=2)
    directions_ = {layer: torch.randn(64) for layer in layers}
    norms = {kind: dict.fromkeys(layers, 8.0) for kind in NORMS}
    path = tmp_path / "v.safetensors"
    path.write_bytes(serialize(directions_, norms, origin))
    base = ("controls", "--model", "tiny:llama", "--vector", path, "--coef", "0.5", "--pairs", 3)
    base += ("--random", 4, "--side-items", 1, "--side-tokens", 3, "-o", tmp_path / "c.csv")
    done = run(*base)
    assert done.exit_code == 0 and "4 angled" in done.output and "p by rank" in done.output
    rows = list(csv.DictReader((tmp_path / "c.csv").open()))
    assert [row["kind"] for row in rows].count("random") == 4 and len(rows) == 2 + 4 + 4
    assert float(rows[0]["shift"]) == 0
    assert run(*base, "--positions", "all", "--towards", "math").exit_code == 0
    for more, named in (
        (("--positions", "all"), "--towards"),
        (("--layer", 9), "0 to 3"),
        (("--vector", tmp_path / "none.safetensors"), "none.safetensors"),
        (("--model", "tiny:gpt2"), "another model"),
    ):
        with pytest.raises(UsageError, match=named):
            run(*base, *more)
