"""No causal family of the installed transformers is served wrong: each is built small and tried.

    python scripts/checks/steering_families.py [FAMILY …] [--dtype bfloat16]

Every family that builds is loaded, and either refused in one line or served; what is served is
held here against plain forward passes, with code that shares nothing with the self-test that
decided: additions, ablations, clamps and scales, in spans of the prompt and of the reply, + on one
span and − on another. The tiny models of the tests are held to the laws of operations besides:
alone as in a batch, ablation twice as once, clamped to the present value as unsteered. Prints a
line a family, and those that do not build here. Exit status 1 if any is served wrong.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from itertools import cycle
from typing import Any, get_args

import torch
from causal_families import build, families

from harness.errors import UsageError
from harness.wire import Operation
from steering_server.engine.metrics import Metrics
from steering_server.engine.runner import Runner, Sizes
from steering_server.engine.score import score
from steering_server.engine.self_test import self_test
from steering_server.model import tiny
from steering_server.model.layers import default_layer
from steering_server.model.models import Loaded, describe
from steering_server.model.planning import Limits, plan
from steering_server.model.reply_text import ReplyText
from steering_server.model.work import Addition, Row, Sampling, TokenScore

_PROMPTS = (
    "Two roads diverged in a yellow wood.",
    "To be, or not to be, that is the question: whether it is nobler in the mind to suffer.",
    "Short.",
    "To be, or not to be, that is the question: whether it is nobler in the mind to suffer.",
)
_NEW = 6
_OPERATIONS: tuple[Operation, ...] = get_args(Operation)
_LAW = 1e-4
"""Largest difference of a log-probability in fp32."""
_ALLOWED = 2e-4
"""Nats in fp32: what a log-probability may differ by."""


class _Scores:
    """Keeps the log-probabilities of what was generated, or why it failed."""

    def __init__(self) -> None:
        self.scores: list[TokenScore] = []
        self.failure = ""

    def token(self, row: Row, text: str, score: TokenScore | None) -> None:
        assert score is not None
        self.scores.append(score)

    def done(self, row: Row, finished: Any) -> None: ...

    def failed(self, row: Row, failure: Any) -> None:
        self.failure = failure.message


def _rows(loaded: Loaded) -> list[Row]:
    """Requests of several kinds: steered and not, one token and several, alone and in sweeps."""
    rows = []
    for number, prompt in enumerate(_PROMPTS * 3):
        generator = torch.Generator().manual_seed(number)
        tokens = tuple(loaded.tokenizer(prompt, add_special_tokens=False).input_ids)
        layer = (default_layer(loaded.depth), 0, loaded.depth - 1)[number % 3]
        start = (0, 3, len(tokens) - 1, len(tokens))[number % 4]
        direction = torch.randn(loaded.width, generator=generator)
        operation = _OPERATIONS[(number + number // 4) % 4]
        end = None if number % 2 else start + 3
        changes = [_change(operation, direction, layer, start, end)]
        if number % 6 == 3:  # + on one span, − on another
            changes.append(_change("add", -direction, layer, start + 3, start + 6))
        one = number >= 8
        rows.append(
            Row(
                prompt=tokens,
                sampling=Sampling(0.0, 1.0, number),
                sink=_Scores(),
                text=ReplyText(loaded.tokenizer),
                max_tokens=1 if one else _NEW,
                additions=()
                if number % 5 == 0 or (one and start == len(tokens))
                else tuple(changes),
                logprobs=3,
            )
        )
    return rows


def _change(
    operation: Operation,
    direction: torch.Tensor,
    layer: int,
    start: int = 0,
    end: int | None = None,
    value: float = 1.5,
) -> Addition:
    """An operation along `direction`; a clamp sets the component to `value`."""
    size = float(direction.norm())
    unit, key = direction / size, (operation, layer, start, end, value, float(direction[0]))
    if operation == "add":
        return Addition(layer, start, end, 2 * direction, key)
    offset = value if operation == "clamp" else 0.0
    slope = {"ablate": -1.0, "clamp": -1.0, "scale": 1.5}[operation]
    return Addition(layer, start, end, offset * unit, key, operation, unit, slope)


def _logits(loaded: Loaded, changes: Sequence[tuple[Addition, ...]]) -> torch.Tensor:
    """Log-probabilities [rows, vocabulary] after the prompts in turn, computed together; the rows
    are kept in `_ROWS`."""
    rows = [
        Row(
            prompt=tuple(loaded.tokenizer(prompt, add_special_tokens=False).input_ids),
            sampling=Sampling(0.0, 1.0, 0),
            sink=_Scores(),
            text=ReplyText(loaded.tokenizer),
            additions=own,
        )
        for prompt, own in zip(cycle(_PROMPTS), changes, strict=False)
    ]
    found = {
        id(one.row): one.logits for batch in plan(rows, Limits()) for one in score(loaded, batch)
    }
    _ROWS[:] = rows
    return torch.log_softmax(torch.stack([found[id(row)] for row in rows]), -1)


_ROWS: list[Row] = []
"""Of the last pass: they hold the components that were met."""


def _lawless(loaded: Loaded) -> str:
    """Which law of the operations does not hold, by how much; empty if all do."""
    generator = torch.Generator().manual_seed(0)
    direction, layer = torch.randn(loaded.width, generator=generator), default_layer(loaded.depth)
    every: list[tuple[Addition, ...]] = [()]
    for operation in _OPERATIONS:
        every += [
            (_change(operation, direction, layer),),
            (_change(operation, direction, 0, 1, 3), _change("add", -direction, 0, 3, 5)),
        ]
    # Each of them after the same prompt, so that lanes part, and beside other prompts.
    every = [one for one in every for _ in _PROMPTS]
    together = _logits(loaded, every)
    for index, own in enumerate(every):
        shift = index % len(_PROMPTS)
        alone = _logits(loaded, [*[()] * shift, own])[-1]
        if not float((alone - together[index]).abs().max()) <= _LAW:
            return f"alone differs from in a batch: row {index}"
    once = _change("ablate", direction, layer)
    found = _logits(loaded, [(once,), (), (), (), (once, once)])
    if not float((found[0] - found[4]).abs().max()) <= _LAW:
        return "ablating twice differs from once"
    last = len(_ROWS[0].prompt) - 1
    _logits(loaded, [(_change("ablate", direction, layer, last),)])
    met = _ROWS[0].components([0])
    assert met is not None and abs(met[0]) > _LAW
    held = _change("clamp", direction, layer, last, value=met[0])
    found = _logits(loaded, [(held,), (), (), (), ()])
    if not float((found[0] - found[4]).abs().max()) <= _LAW:
        return "clamping to the present value differs from unsteered"
    return ""


def _laws() -> int:
    """Hold every tiny model of the tests to the laws; how many break one."""
    broken = 0
    for family in tiny.FAMILIES:
        model, tokenizer = tiny.build(family)
        with torch.inference_mode():
            problem = _lawless(describe(model, tokenizer, name=family))
        broken += bool(problem)
        print(f"{'WRONG' if problem else 'laws':8} {family:26} {problem or 'all hold'}", flush=True)
    return broken


def _wrong(loaded: Loaded) -> str:
    """What the engine says that plain passes over the same tokens do not; empty if nothing."""
    rows = _rows(loaded)
    runner = Runner(loaded, Sizes(rows=5), Metrics(time.monotonic))
    runner.add(rows)
    with torch.inference_mode():
        while runner.busy:
            runner.turn()
        for number, row in enumerate(rows):
            if row.sink.failure:
                return f"row {number}: {row.sink.failure}"
            found = _row_wrong(loaded, row)
            if found:
                return f"row {number}: {found}"
    return ""


def _row_wrong(loaded: Loaded, row: Row) -> str:
    handles = []
    for addition in row.additions:

        def hook(module: Any, args: Any, output: Any, added: Addition = addition) -> Any:
            hidden = (output[0] if isinstance(output, tuple) else output).clone()
            part = hidden[:, added.start : added.end].double()
            moved = added.delta.double().expand_as(part)
            if added.unit is not None and added.slope is not None:
                unit = added.unit.double()
                moved = moved + added.slope * (part @ unit)[..., None] * unit
            hidden[:, added.start : added.end] = (part + moved).to(hidden.dtype)
            return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

        handles.append(loaded.layers[addition.layer].register_forward_hook(hook))
    ids = torch.tensor([[*row.prompt, *row.generated]])
    logits = loaded.model(input_ids=ids, use_cache=False).logits[0].float()
    for handle in handles:
        handle.remove()
    table = torch.log_softmax(logits, -1)
    grain = _ALLOWED if loaded.dtype == torch.float32 else 0.5 * float(logits[-1].std())
    for at, told in enumerate(row.sink.scores):
        want = float(table[len(row.prompt) - 1 + at, told.token])
        if not abs(told.logprob - want) <= grain:
            return f"token {at + 1}: {told.logprob:.5f} for {want:.5f}"
    return ""


def _verdict(family: str, dtype: torch.dtype) -> tuple[str, str]:
    """Served, refused, unbuilt or WRONG, and the reason."""
    try:
        model = build(family, dtype=dtype)
    except ValueError as error:
        return "unbuilt", str(error)
    started = time.perf_counter()
    try:
        loaded = describe(model, tiny.tokenizer(), name=family)
        self_test(loaded)
    except UsageError as error:
        text = str(error)
        return ("refused" if "\n" not in text else "WRONG"), text
    took = time.perf_counter() - started
    problem = _wrong(loaded)
    how = "" if loaded.hooks.sharing else ", rows share nothing"
    return ("WRONG" if problem else "served"), problem or f"self-test {took:.2f} s{how}"


def main() -> int:
    """Try the families named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("families", nargs="*")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    counts: Counter[str] = Counter()
    if not options.families:
        counts["WRONG"] += _laws()
    for family in options.families or families():
        verdict, reason = _verdict(family, getattr(torch, options.dtype))
        counts[verdict] += 1
        print(f"{verdict:8} {family:26} {reason}", flush=True)
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()) if count))
    return 1 if counts["WRONG"] else 0


if __name__ == "__main__":
    sys.exit(main())
