"""The steering engine against plain transformers: CPU time, one thread, one run.

    python -m benchmarks.steering [--model DIR] [--repeats 5]

The model is the real small one (`scripts/fetch_small_model.py`) unless another is named. Every
case and its peers are timed in turn, `repeats` times, and the least CPU time of each is kept, so
that a busy machine slows them alike. Peers use transformers' own model and `generate`, with one
hook on the steered layer.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from harness.wire import Message
from steering_server.engine.metrics import Metrics
from steering_server.engine.runner import Runner, Sizes
from steering_server.engine.score import score
from steering_server.model.conversation import render
from steering_server.model.layers import default_layer
from steering_server.model.models import Loaded, load
from steering_server.model.planning import Limits, plan
from steering_server.model.reply_text import ReplyText
from steering_server.model.work import Addition, Row, Sampling

COEFS = (-0.4, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4)
SHORT = (
    "How much do you like solving a quadratic equation by completing the square? Answer with one "
    "of these words alone: hate, dislike, neutral, like, love."
)
LONG = (
    "You have just completed this task: find all integers n for which n^2 + 3n + 2 is a prime "
    "number, and prove that there are no others. Rate how much you enjoyed it from 1 to 5, where "
    "1 means that you found it harmful and had to refuse, 2 that it was tedious and without "
    "purpose, 3 that it was routine, 4 that it used your abilities and helped somebody, and 5 "
    "that it was stimulating and truly of help. Answer with the number alone."
)
TOPICS = ("the sea", "a prime number", "bread", "a bridge", "a bird", "snow", "an old map", "tea")


class Silent:
    """A sink for rows whose results are not looked at."""

    def token(self, *news: Any) -> None: ...

    def done(self, *news: Any) -> None: ...

    def failed(self, row: Row, failure: Any) -> None:
        raise RuntimeError(failure.message)


def tokens(loaded: Loaded, prompt: str) -> tuple[int, ...]:
    """A prompt as the model reads it."""
    return render(loaded.tokenizer, [Message("user", prompt)]).tokens


def deltas(loaded: Loaded) -> torch.Tensor:
    """One addition a coefficient [K, width]: a fixed direction, as strong as activations are."""
    direction = torch.randn(loaded.width, generator=torch.Generator().manual_seed(0))
    unit = 150 * direction / direction.norm()
    return torch.stack([coef * unit for coef in COEFS])


def sweep_rows(loaded: Loaded, prompt: str, layer: int, *, last: bool) -> list[Row]:
    """The sweep as the server gets it: one row a coefficient."""
    ids = tokens(loaded, prompt)
    start = len(ids) - 1 if last else 0
    rows = []
    for coef, delta in zip(COEFS, deltas(loaded), strict=True):
        addition = Addition(layer, start, None, delta, (coef, layer, start))
        rows.append(make_row(loaded, ids, (addition,) if coef else (), 1))
    return rows


def make_row(
    loaded: Loaded, ids: tuple[int, ...], additions: tuple[Addition, ...], max_tokens: int
) -> Row:
    """A greedy row."""
    text = ReplyText(loaded.tokenizer)
    sampling = Sampling(0.0, 1.0, 0)
    return Row(ids, sampling, Silent(), text, max_tokens=max_tokens, additions=additions)


@contextmanager
def one_hook(layer: torch.nn.Module, delta: torch.Tensor, start: int) -> Iterator[None]:
    """The plain way to steer: a hook that adds `delta` [rows, width] from column `start` on."""

    def add(module: Any, args: Any, output: Any) -> Any:
        hidden = output[0] if isinstance(output, tuple) else output
        if hidden.shape[1] > 1 or start == 0:
            hidden[:, start:] += delta[:, None].to(hidden)
        return output

    handle = layer.register_forward_hook(add)
    try:
        yield
    finally:
        handle.remove()


def padded_batch(loaded: Loaded, prompt: str, layer: int, *, last: bool) -> torch.Tensor:
    """All rows side by side, each through every layer."""
    ids = tokens(loaded, prompt)
    batch = torch.tensor([ids] * len(COEFS), device=loaded.device)
    start = len(ids) - 1 if last else 0
    with one_hook(loaded.layers[layer], deltas(loaded), start):
        out: torch.Tensor = loaded.model(
            batch, attention_mask=torch.ones_like(batch), use_cache=False, logits_to_keep=1
        ).logits
    return out[:, -1]


def one_at_a_time(loaded: Loaded, prompt: str, layer: int, *, last: bool) -> torch.Tensor:
    """`generate` for one token, coefficient by coefficient."""
    batch = torch.tensor([tokens(loaded, prompt)], device=loaded.device)
    start = batch.shape[1] - 1 if last else 0
    found = []
    for delta in deltas(loaded):
        with one_hook(loaded.layers[layer], delta[None], start):
            found.append(_generate(loaded, batch, 1).logits[0])
    return torch.cat(found)


def _generate(
    loaded: Loaded, batch: torch.Tensor, count: int, mask: torch.Tensor | None = None
) -> Any:
    return loaded.model.generate(
        batch,
        attention_mask=torch.ones_like(batch) if mask is None else mask,
        max_new_tokens=count,
        min_new_tokens=count,
        do_sample=False,
        return_dict_in_generate=True,
        output_logits=True,
        pad_token_id=loaded.pad,
    )


def ours(loaded: Loaded, rows: Sequence[Row]) -> torch.Tensor:
    """The score path."""
    found = {}
    for batch in plan(rows, Limits()):
        for scored in score(loaded, batch):
            found[id(scored.row)] = scored.logits
    return torch.stack([found[id(row)] for row in rows])


def clock() -> float:
    """CPU seconds of this process; on a GPU wall seconds, once it has finished its work."""
    if not torch.cuda.is_available():
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def least(cases: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Least seconds (see `clock`) of each case, all cases in turn, after a warm-up of each."""
    for work in cases.values():
        work()
    best = dict.fromkeys(cases, float("inf"))
    for _ in range(repeats):
        for name, work in cases.items():
            started = clock()
            work()
            best[name] = min(best[name], clock() - started)
    return best


def table(title: str, times: dict[str, float]) -> None:
    """Print seconds and ratios to the first case."""
    (_, first), *_ = times.items()
    print(f"\n{title}")
    for name, seconds in times.items():
        print(f"  {name:44s} {1000 * seconds:9.1f} ms   {seconds / first:6.2f} ×")


def sweep(loaded: Loaded, layer: int, repeats: int, *, last: bool) -> None:
    """Coefficient sweeps of a short and a long prompt."""
    what = "last prompt token" if last else "every token"
    for prompt in (SHORT, LONG):
        cases = {
            "steering server, score path": lambda p=prompt: ours(
                loaded, sweep_rows(loaded, p, layer, last=last)
            ),
            "plain padded batch": lambda p=prompt: padded_batch(loaded, p, layer, last=last),
            "one at a time": lambda p=prompt: one_at_a_time(loaded, p, layer, last=last),
        }
        logits = [work() for work in cases.values()]
        worst = max(float((logits[0] - other).abs().max()) for other in logits[1:])
        count = len(tokens(loaded, prompt))
        title = f"sweep of {len(COEFS)} coefficients at layer {layer}, {what}, {count} tokens"
        table(title, least(cases, repeats))
        print(f"  largest difference between the three in a logit: {worst:.1e}")


def run_rows(loaded: Loaded, rows: list[Row], size: int) -> list[list[int]]:
    """Generate `rows`, at most `size` at once."""
    runner = Runner(loaded, Sizes(rows=size), Metrics(time.monotonic))
    runner.add(rows)
    while runner.busy:
        runner.turn()
    return [row.generated for row in rows]


def generation(loaded: Loaded, layer: int, repeats: int, count: int) -> None:
    """Eight steered replies of `count` tokens."""
    prompts = [tokens(loaded, f"Tell me a long story about {topic}.") for topic in TOPICS]
    delta = deltas(loaded)[6]
    addition = Addition(layer, 0, None, delta, ("g",))

    def rows() -> list[Row]:
        return [make_row(loaded, ids, (addition,), count) for ids in prompts]

    width = max(len(ids) for ids in prompts)
    rows_of = [[loaded.pad] * (width - len(ids)) + list(ids) for ids in prompts]
    padded = torch.tensor(rows_of, device=loaded.device)
    kept = [[0] * (width - len(ids)) + [1] * len(ids) for ids in prompts]
    mask = torch.tensor(kept, device=loaded.device)

    def transformers_alone() -> None:
        for ids in prompts:
            with one_hook(loaded.layers[layer], delta[None], 0):
                _generate(loaded, torch.tensor([ids], device=loaded.device), count)

    def transformers_batch() -> None:
        with one_hook(loaded.layers[layer], delta[None], 0):
            _generate(loaded, padded, count, mask)

    times = least(
        {
            "steering server, batch of 8": lambda: run_rows(loaded, rows(), 8),
            "steering server, one at a time": lambda: run_rows(loaded, rows(), 1),
            "transformers generate, padded batch of 8": transformers_batch,
            "transformers generate, one at a time": transformers_alone,
        },
        repeats,
    )
    table(f"generation of {count} tokens for 8 prompts", times)


def overhead(loaded: Loaded, repeats: int) -> None:
    """A pass with the hooks registered and idle, and one without them."""
    batch = torch.tensor([tokens(loaded, SHORT)], device=loaded.device)
    token = batch[:, :1]
    for title, ids in (("a prompt", batch), ("one token", token)):
        kept = [(layer._forward_hooks, layer._forward_pre_hooks) for layer in loaded.layers]

        def bare(ids: torch.Tensor = ids, kept: Any = kept) -> None:
            for layer in loaded.layers:
                layer._forward_hooks, layer._forward_pre_hooks = {}, {}
            try:
                for _ in range(4):
                    loaded.model(ids, use_cache=False, logits_to_keep=1)
            finally:
                for layer, (after, before) in zip(loaded.layers, kept, strict=True):
                    layer._forward_hooks, layer._forward_pre_hooks = after, before

        def hooked(ids: torch.Tensor = ids) -> None:
            for _ in range(4):
                loaded.model(ids, use_cache=False, logits_to_keep=1)

        times = least({"without hooks": bare, "with idle hooks": hooked}, 6 * repeats)
        table(f"hook overhead, {title} ({ids.shape[1]} tokens)", times)
        share = times["with idle hooks"] / times["without hooks"] - 1
        print(f"  overhead: {100 * share:+.1f} %")


def small_model() -> str:
    """The folder of the real small model."""
    script = Path(__file__).resolve().parents[1] / "scripts" / "fetch_small_model.py"
    done = subprocess.run([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(done.returncode)
    return done.stdout.strip()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="directory or hub id (default: the real small model)")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=32, help="generated by each row")
    options = parser.parse_args()
    torch.set_num_threads(1)
    loaded = load(options.model or small_model())
    layer = default_layer(loaded.depth)
    print(
        f"{loaded.id}, {loaded.dtype_name}, {loaded.depth} layers, 1 thread, least CPU time of "
        f"{options.repeats}"
    )
    with torch.inference_mode():
        sweep(loaded, layer, options.repeats, last=False)
        sweep(loaded, layer, options.repeats, last=True)
        generation(loaded, layer, max(2, options.repeats // 2), options.tokens)
        overhead(loaded, options.repeats)


if __name__ == "__main__":
    main()
