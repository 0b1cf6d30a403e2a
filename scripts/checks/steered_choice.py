"""Contrastive steering through an eval finds a planted direction, and no other.

    python -m scripts.checks.steered_choice [--trials 200] [--models 4] [--pairs 16] [--dose 0.1]
    python -m scripts.checks.steered_choice --beside 40 [--pairs 4] [--dose 0.1]

A tiny model is built whose weights make one direction, on the tokens of an item, drive the choice
of that item. `inspect eval evals/pairwise.py` asks pairs in both orders, steered along it with
`positions=contrast`, each question beside random directions of equal norm (`-M controls=N`): one
pass a model, from whose records, with their exact log-probabilities, all trials are drawn. The
shift is the mean change of the logit of the item that was pushed up, over both orders. A trial
takes half of one model's pairs and ranks |shift| of the planted direction, and of one random
direction that no other trial takes, among 32 other random ones. Power is the share of trials in
which the planted one has p ≤ .05; the false positives are those of the random one. Models differ in
their weights, items and directions; trials of one model share its records.

With `--beside R` every question carries controls of its own (`-M controls=32`), R times over: the
planted direction beside those of R seeds, and R random ones each beside its own; p is what
`penchant controls` says.
"""

import argparse
import json
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl
import torch
from inspect_ai import eval as inspect_eval
from inspect_ai.model import Model, get_model
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from evals.pairwise import pairwise
from harness.analysis.beside import beside_random
from harness.items.item import Item
from harness.prompts.choices import CHOICES
from harness.records.beside import read_controls
from harness.records.logs import read_records
from steering_server.controls.questions import ask
from steering_server.http.server import Options, SteeringServer
from steering_server.model import tiny
from steering_server.model.models import Loaded, describe
from steering_server.vectors.vectors import NORMS, Origin, Vector, parse, serialize

LAYER = 1
"""Layer at whose output vectors are added; the next one reads the planted direction."""
CONTROLS = 32
Array = np.ndarray[Any, Any]
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def items(count: int, seed: int = 0) -> list[Item]:
    """Items of equal length, so that the first and the second of a pair always stand at the same
    positions; their letters differ, and with them what the model makes of them."""
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list(_LETTERS), 24)) for _ in range(count)]
    return [Item(id=f"i{at:02d}", text=text, origin="made") for at, text in enumerate(texts)]


def planted(shown: Sequence[Item], *, seed: int = 0) -> tuple[Loaded, torch.Tensor]:
    """A tiny GPT-2, and the planted direction [width].

    Learned positions say "first item" or "second item" along one direction. A head of the layer
    after `LAYER` attends more to tokens the more of the planted direction they have, and moves what
    it finds of the first direction to a third, which the output reads as "A" against "B".
    """
    kind, options = tiny.FAMILIES["gpt2"]
    config = AutoConfig.for_model(kind, **options, tie_word_embeddings=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any = AutoModelForCausalLM.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]
        nn.init.normal_(model.lm_head.weight, std=0.3)
        basis = torch.randn(model.config.n_embd, 4)
    basis[:, 0] = 1  # Layer norms take the mean away: the others are made orthogonal to it.
    drives, place, moved = torch.linalg.qr(basis)[0][:, 1:].T
    loaded = describe(model, tiny.tokenizer(), name="planted")
    asked = ask(loaded, (shown[0], shown[1]), CHOICES["simple_preference"], ("A", "B"), None).first
    with torch.no_grad():
        for (start, end), sign in ((asked.item, 1), (asked.other, -1)):
            model.transformer.wpe.weight[start:end] += 0.3 * sign * place
        head = slice(0, 16)
        attention = model.transformer.h[LAYER + 1].attn
        weight, bias = attention.c_attn.weight, attention.c_attn.bias
        for offset in (0, 64, 128):
            weight[:, offset : offset + 16] = 0
            bias[offset : offset + 16] = 0
        bias[0] = 4.0
        weight[:, 64] = drives
        weight[:, 128] = place
        attention.c_proj.weight[head] = 0
        attention.c_proj.weight[0] = 2.0 * moved
        a, b = (loaded.tokenizer(label, add_special_tokens=False).input_ids[0] for label in "AB")
        model.lm_head.weight[a] += moved
        model.lm_head.weight[b] -= moved
    return describe(model, tiny.tokenizer(), name="planted"), drives


def vectors(loaded: Loaded, drives: torch.Tensor, count: int) -> dict[str, Vector]:
    """`planted` and `random-000` …, of equal norm; doses are of a typical activation's."""
    text = torch.tensor([loaded.tokenizer(_LETTERS, add_special_tokens=False).input_ids])
    with torch.inference_mode():
        states = loaded.model(text, output_hidden_states=True).hidden_states
    typical = float(states[LAYER + 1][0].norm(dim=-1).mean())
    generator = torch.Generator().manual_seed(1)
    origin = Origin(
        model=loaded.id,
        weights=loaded.weights,
        template=loaded.template,
        method="random",
        selector="none",
        span="prompt",
        default_layer=LAYER,
    )
    found = {"planted": drives}
    for number in range(count):
        found[f"random-{number:03d}"] = torch.randn(loaded.width, generator=generator)
    norms = {kind: {LAYER: typical} for kind in NORMS}
    return {
        name: parse(serialize({LAYER: direction}, norms, origin), where=name)
        for name, direction in found.items()
    }


@contextmanager
def serving(loaded: Loaded, known: dict[str, Vector]) -> Iterator[str]:
    """The address of a server; gone afterwards."""
    server = SteeringServer(
        lambda: loaded, known, Options(port=0, threads=1), say=lambda line: None
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while httpx.get(f"{server.url}/health", trust_env=False).status_code != 200:
            pass
        yield server.url
    finally:
        server.stop()
        thread.join(30)


def shifts(pairs: int, directions: int, dose: float, seed: int) -> Array:
    """Shifts [1 + directions, pairs] of one model, the planted direction's first: the change of the
    logit of the item that was pushed up against unsteered, the mean of both orders."""
    shown = items(2 * pairs, seed)
    loaded, drives = planted(shown, seed=seed)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(loaded, vectors(loaded, drives, 0)) as url,
    ):
        model = _model(url, "planted", dose, controls=directions, seed=seed)
        _asked(Path(folder), shown, pairs, [model])
        return _moved(read_records([Path(folder) / "logs"]).frame)


def _model(url: str, vector: str, dose: float, *, controls: int, seed: int) -> Model:
    return get_model(
        "steering/planted",
        base_url=url,
        memoize=False,
        vector=vector,
        coef=dose,
        positions="contrast",
        controls=controls,
        control_seed=seed,
        side_questions=0,
    )


def beside(pairs: int, count: int, dose: float) -> tuple[float, float]:
    """Power, and share of false positives, where every question carries its controls: of the
    planted direction over control seeds 0 … count − 1, and over `count` random directions."""
    shown = items(2 * pairs)
    loaded, drives = planted(shown)
    known = vectors(loaded, drives, count)
    with tempfile.TemporaryDirectory() as folder, serving(loaded, known) as url:

        def model(vector: str, seed: int) -> Model:
            return _model(url, vector, dose, controls=CONTROLS, seed=seed)

        asked = [model("planted", seed) for seed in range(count)]
        asked += [model(name, 0) for name in known if name != "planted"]
        _asked(Path(folder), shown, pairs, asked)
        found = beside_random(read_records([Path(folder) / "logs"]).frame)
    assert len(found) == 2 * count
    shares = []
    for own in (True, False):
        ps = [one.p_random for one in found if (one.cell.key["vector"] == "planted") == own]
        assert len(ps) == count
        shares.append(float(np.mean([p <= 0.05 for p in ps])))
    return shares[0], shares[1]


def _asked(folder: Path, shown: Sequence[Item], pairs: int, models: list[Model]) -> None:
    """Every pair in both orders, of every model; logs are in `folder/logs`."""
    file = folder / "items.jsonl"
    rows = [{"id": one.id, "text": one.text, "origin": one.origin} for one in shown]
    file.write_text("\n".join(map(json.dumps, rows)) + "\n")
    listed = folder / "pairs.csv"
    lines = [f"{shown[2 * at].id},{shown[2 * at + 1].id}" for at in range(pairs)]
    listed.write_text("first,second\n" + "\n".join(lines) + "\n")
    asked = {
        "items": str(file),
        "pairs": str(listed),
        "timing": "pre",
        "readout": "logprobs",
        "min_label_mass": 0,
        "block": 2 * pairs,
    }
    inspect_eval(pairwise(**asked), model=models, log_dir=str(folder / "logs"), display="none")


def _moved(table: pl.DataFrame) -> Array:
    """Shifts [1 + directions, pairs] of a record table."""
    rows: dict[tuple[str, str], list[Array]] = {}
    for row in table.iter_rows(named=True):
        told = read_controls(row["controls"])
        logits = np.array([*told["vector"].estimate, *told["random"].estimate], dtype=np.float64)
        change = logits - np.array(told["unsteered"].estimate, dtype=np.float64)
        low, high = sorted((row["item_first"], row["item_second"]))
        assert row["pushed"] == low
        rows.setdefault((low, high), []).append(change if row["item_first"] == low else -change)
    assert {len(both) for both in rows.values()} == {2}, "each pair is answered in both orders"
    return np.stack([np.mean(both, axis=0) for both in rows.values()], axis=1)


def rank(own: float, others: Array) -> float:
    """Two-sided p of a shift by its rank among others."""
    return float((1 + (np.abs(others) >= abs(own)).sum()) / (1 + len(others)))


def trials(found: Array, count: int, seed: int) -> list[tuple[bool, bool]]:
    """Whether the planted direction, and the random one numbered as the trial, have p ≤ .05, in
    trials 0 … count − 1 of one model's shifts [1 + directions, pairs]."""
    told = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        half = rng.permutation(found.shape[1])[: max(2, found.shape[1] // 2)]
        mean = found[:, half].mean(1)
        own = 1 + number
        rest = np.delete(np.arange(1, len(mean)), number)
        others = mean[rng.permutation(rest)[:CONTROLS]]
        told.append((rank(mean[0], others) <= 0.05, rank(mean[own], others) <= 0.05))
    return told


def main() -> None:
    """Print power and false positives."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--models", type=int, default=4, help="the trials are divided among them")
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--beside", type=int, default=0, metavar="R")
    parser.add_argument("--dose", type=float, default=0.1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.beside:
        count, pairs = given.beside, given.pairs or 4
        power, false = beside(pairs, count, given.dose)
        print(f"dose {given.dose}, {pairs} pairs, {CONTROLS} controls a question, R = {count}")
    else:
        pairs, each = given.pairs or 16, -(-given.trials // given.models)
        told: list[tuple[bool, bool]] = []
        for seed in range(given.models):
            found = shifts(pairs, each + CONTROLS, given.dose, seed)
            told += trials(found, each, seed)
            spread = found[1:].mean(1).std()
            print(f"model {seed}: shift, planted {found[0].mean():+.4f}; random: SD {spread:.4f}")
        count = len(told)
        power, false = np.mean(told, axis=0)
        print(f"dose {given.dose}, {pairs // 2} pairs a trial, R = {count}")
    error = (0.05 * 0.95 / count) ** 0.5
    print(f"power {power:.3f}; false positives {false:.3f} (at most {0.05 + 2 * error:.3f})")
    if power < 0.9 or false > 0.05 + 2 * error:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
