"""Vectors from a person's own contrast: pairs, or a column of a table."""

import json

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from harness.errors import UsageError
from harness.items.builtin import builtin_items
from harness.items.item import Item
from steering_server.capture.columns import Values
from steering_server.capture.placed import place
from steering_server.cli import cli
from steering_server.extraction.contrast import split
from steering_server.extraction.pairs import placed_pair, read_pairs
from steering_server.model.models import load
from steering_server.vectors.vectors import parse

LLAMA = load("tiny:llama")


def run(*arguments):
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def lines(path, rows):
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return path


def hidden(tokens, layer):
    """Output of one layer for one sequence, by a hook of this test's own."""
    kept = []
    handle = LLAMA.layers[layer].register_forward_hook(lambda m, a, out: kept.append(out))
    try:
        LLAMA.model(input_ids=torch.tensor([tokens]))
    finally:
        handle.remove()
    output = kept[0][0] if isinstance(kept[0], tuple) else kept[0]
    return output.reshape(-1, output.shape[-1]).double().numpy()


def vector(path, layer=2):
    return parse(path.read_bytes(), where="x").directions[layer].numpy()


def aligned(one, other):
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def said(user, reply=None, system=None):
    turns = [("system", system), ("user", user), ("assistant", reply)]
    return [{"role": role, "content": text} for role, text in turns if text is not None]


TEXTS = [
    {"positive": f"I love {thing}, it is great.", "negative": f"I love {thing}? No: it is awful."}
    for thing in ("sums", "primes", "proofs", "trees")
]
CHATS = [
    {"positive": said(f"Do {n}.", "With joy."), "negative": said(f"Do {n}.", "If I must.", "Sulk.")}
    for n in range(5)
]
ASKED = [
    {"positive": said(f"Do {n}.", None, "Be glad."), "negative": said(f"Do {n}.", None, "Be sad.")}
    for n in range(3)
]


@pytest.mark.parametrize("rows", [TEXTS, CHATS, ASKED])
@pytest.mark.parametrize("selector", ["last", "mean"])
def test_pairs_give_the_difference_of_means_after_what_they_share(tmp_path, rows, selector):
    """Of texts as they stand, of conversations by the chat template: the mean over pairs of the
    difference at the selector, over the tokens from the first that differs."""
    path = lines(tmp_path / "pairs.jsonl", rows)
    output = tmp_path / "v.safetensors"
    options = ("--pairs", path, "--selectors", selector, "--batch", 3, "-o", output)
    done = run("extract", "--model", "tiny:llama", *options)
    assert done.exit_code == 0 and f"{len(rows)} pairs" in done.output
    gaps = []
    for pair in read_pairs(path):
        both = placed_pair(LLAMA, pair)
        taken = []
        for side in both:
            start, end = side.spans["differing"]
            assert both[0].tokens[:start] == both[1].tokens[:start]
            part = hidden(side.tokens, 2)[start:end]
            taken.append(part[-1] if selector == "last" else part.mean(0))
        gaps.append(taken[0] - taken[1])
    assert aligned(vector(output), np.mean(gaps, axis=0)) > 0.9999
    assert {path.name for path in tmp_path.iterdir()} == {
        "pairs.jsonl",
        "v.safetensors",
        "v.norms.csv",
    }


def test_the_sides_of_a_pair_are_read_as_they_are_written():
    """A text gets no chat template; a conversation keeps its system prompt beside the reply."""
    from harness.wire import Message
    from steering_server.extraction.pairs import Pair

    chat = tuple(Message(**turn) for turn in said("Do it.", "No.", "Sulk."))
    one, other = placed_pair(LLAMA, Pair(positive="plain text", negative=chat, place="here"))
    decode = LLAMA.tokenizer.decode
    assert decode(one.tokens, skip_special_tokens=True) == "plain text"
    text = decode(other.tokens)
    assert "Sulk." in text and text.endswith("assistant\nNo.")
    start, end = other.spans["completion"]
    assert decode(other.tokens[start:end]) == "No."


@pytest.mark.parametrize(
    ("rows", "more", "named"),
    [
        ([{"positive": "a", "negative": "a"}] * 2, (), "line 1.*same"),
        ([{"positive": "a", "negative": "b"}], (), "two or more"),
        ([{"positive": "a"}, {"positive": "b"}], (), "line 1.*negative"),
        ([{"positive": "a", "negative": ["x"]}] * 2, (), "line 1.*conversation"),
        ([{"positive": "a", "negative": [{"role": "bot", "content": "x"}]}] * 2, (), "bot"),
        ([{"positive": "a", "negative": said("x", "")}] * 2, (), "no tokens"),
        ([{"positive": "a" * 2000, "negative": "b"}] * 2, (), "1024"),
        (TEXTS, ("--span", "completion"), "no completion"),
        (TEXTS, ("--span", "item"), "differing or completion"),
        (TEXTS, ("--items", "builtin"), "takes no --items"),
        (TEXTS, ("--positive", "loves_math"), "expected one of"),
        (TEXTS, ("--table", "x.csv"), "go with --contrast"),
    ],
)
def test_pairs_that_cannot_be_used_are_named_by_their_line(tmp_path, rows, more, named):
    """Equal sides, missing sides, no conversation, too long, another source beside them."""
    path = lines(tmp_path / "pairs.jsonl", rows)
    options = ("--pairs", path, *more, "-o", tmp_path / "v.safetensors")
    with pytest.raises(UsageError, match=named):
        run("extract", "--model", "tiny:llama", *options)


ITEMS = builtin_items()[::10]


def at_last(items):
    tokens = [place(LLAMA, item, system=None, completion=None).tokens for item in items]
    return np.array([hidden(one, 2)[-1] for one in tokens])


def items_file(folder):
    rows = [{"id": item.id, "text": item.text, "origin": item.origin} for item in ITEMS]
    return lines(folder / "items.jsonl", rows)


def contrasting(folder, values, *more, column="score"):
    rows = [{"item": item.id, column: value} for item, value in zip(ITEMS, values, strict=True)]
    table = lines(folder / "t.jsonl", rows)
    output = folder / "v.safetensors"
    options = ("--contrast", column, "--table", table, "--items", items_file(folder))
    return run("extract", "--model", "tiny:llama", *options, *more, "-o", output), output


def test_a_column_of_truths_sets_refused_against_not(tmp_path):
    """The difference of the two groups' means, over items of any number on each side."""
    refused = [index % 3 == 0 for index in range(len(ITEMS))]
    done, output = contrasting(tmp_path, refused)
    assert done.exit_code == 0 and "8 items against 14" in done.output
    rows = at_last(ITEMS)
    sides = np.array(refused)
    expected = rows[sides].mean(0) - rows[~sides].mean(0)
    assert aligned(vector(output), expected) > 0.9999


def test_a_column_of_numbers_sets_the_upper_quarter_against_the_lower(tmp_path):
    """And within origins, each is compared with itself: an effect of the origin alone is gone."""
    values = np.random.default_rng(0).standard_normal(len(ITEMS)).tolist()
    done, output = contrasting(tmp_path, values)
    assert "6 items against 6" in done.output
    order = np.argsort(values)
    rows = at_last(ITEMS)
    assert aligned(vector(output), rows[order[-6:]].mean(0) - rows[order[:6]].mean(0)) > 0.9999
    with pytest.raises(UsageError, match="pca needs pairs"):
        contrasting(tmp_path, values, "--method", "pca")
    with pytest.raises(UsageError, match="needs --table"):
        run(
            *("extract", "--model", "tiny:llama", "--contrast", "x", "--items", "builtin"),
            *("-o", output),
        )


def test_within_origin_compares_each_origin_with_itself(tmp_path):
    """A weighted mean of the differences within origins, weights n₊ n₋ / n."""
    refused = [item.origin == "bailbench" or index % 4 == 0 for index, item in enumerate(ITEMS)]
    _, output = contrasting(tmp_path, refused, "--within-origin")
    rows, sides = at_last(ITEMS), np.array(refused)
    expected = np.zeros(64)
    for origin in sorted({item.origin for item in ITEMS}):
        own = np.array([item.origin == origin for item in ITEMS])
        plus, minus = own & sides, own & ~sides
        if plus.any() and minus.any():
            weight = plus.sum() * minus.sum() / own.sum()
            expected += weight * (rows[plus].mean(0) - rows[minus].mean(0))
    assert aligned(vector(output), expected) > 0.99


def test_sides_of_a_column():
    """Majority of an item's rows; ties and the middle half on no side; too few is an error."""
    items = [Item(id=str(n), text=f"t{n}", origin="o") for n in range(8)]

    def values(numbers, binary):
        table = {str(n): number for n, number in enumerate(numbers)}
        return Values(table, table, binary, 8, 0)

    above, below = split(values([1, 0.75, 0.5, 0.25, 0, 0], True), items)
    assert [one.id for one in above] == ["0", "1"] and [one.id for one in below] == ["3", "4", "5"]
    above, below = split(values([1, 2, 3, 4, 5, 6, 7, 8], False), items)
    assert [one.id for one in above] == ["6", "7"] and [one.id for one in below] == ["0", "1"]
    above, below = split(values([1, 1, 1, 1, 1, 1, 9, 9], False), items)
    assert not {one.id for one in above} & {one.id for one in below}
    for numbers, binary in (([1, 1, 1], True), ([3, 3, 3, 3], False), ([], False)):
        with pytest.raises(UsageError, match="two or more on each"):
            split(values(numbers, binary), items)


def test_refusals_of_a_completions_log_are_a_contrast(tmp_path, run_eval):
    """`--contrast refused` over a log, in the span of the completions it holds."""
    run_eval(
        "completions.py", model="sim/refuser", task_args={"items": "builtin", "per_origin": 12}
    )
    (log,) = (tmp_path / "logs").glob("*.eval")
    output = tmp_path / "v.safetensors"
    options = ("--contrast", "refused", "--table", log, "--items", "builtin")
    done = run(
        *("extract", "--model", "tiny:llama", *options, "--span", "completion", "-o", output)
    )
    assert done.exit_code == 0
    assert parse(output.read_bytes(), where="x").origin.positive == "refused (upper)"
