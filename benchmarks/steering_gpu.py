"""The steering engine on a CUDA machine: the table of `benchmarks.steering`, with memory.

    python -m benchmarks.steering_gpu --model DIR_OR_ID [--dtype bfloat16] [--batch 64]

Wall time, the GPU's queue drained, against transformers' `generate` one at a time and in a
padded batch, and, where `vllm` and `vllm_lens` can be imported, against vLLM with vllm-lens (in
a process of its own, since it takes the whole card). Keep what it prints under
`benchmarks/results/`, named after the card. No result is kept there yet: no GPU was to be had.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import torch

from benchmarks import steering as cpu
from steering_server.model.layers import default_layer
from steering_server.model.models import Loaded, load

VLLM = """
import json, sys, time
import torch
from vllm import LLM, SamplingParams
from vllm_lens import SteeringVector
asked = json.loads(sys.argv[1])
engine = LLM(model=asked["model"], dtype=asked["dtype"])
width = engine.llm_engine.model_config.get_hidden_size()
generator = torch.Generator().manual_seed(0)
unit = torch.randn(width, generator=generator)
unit = unit / unit.norm() * 150
def parameters(coef, tokens):
    vector = SteeringVector(activations=unit[None], layer_indices=[asked["layer"]], scale=coef)
    return SamplingParams(temperature=0, max_tokens=tokens, min_tokens=tokens,
                          extra_args={"apply_steering_vectors": [vector]})
def least(prompts, settings):
    engine.generate(prompts, settings, use_tqdm=False)
    best = float("inf")
    for _ in range(asked["repeats"]):
        started = time.perf_counter()
        engine.generate(prompts, settings, use_tqdm=False)
        best = min(best, time.perf_counter() - started)
    return best
found = {}
for name, prompt in asked["sweeps"].items():
    settings = [parameters(coef, 1) for coef in asked["coefs"]]
    found[name] = least([{"prompt_token_ids": prompt}] * len(settings), settings)
prompts = [{"prompt_token_ids": one} for one in asked["prompts"]]
found["generation"] = least(prompts, [parameters(0.2, asked["tokens"])] * len(prompts))
print("RESULT " + json.dumps(found))
"""


def vllm_times(loaded: Loaded, options: argparse.Namespace, layer: int) -> dict[str, float] | None:
    """Seconds of vLLM with vllm-lens on the same sweeps and generation; None without it."""
    if any(importlib.util.find_spec(name) is None for name in ("vllm", "vllm_lens")):
        print("\nvllm and vllm_lens are not installed here: no figures for them")
        return None
    asked = {
        "model": options.model,
        "dtype": options.dtype,
        "layer": layer,
        "coefs": cpu.COEFS,
        "repeats": options.repeats,
        "tokens": options.tokens,
        "sweeps": {"short": cpu.tokens(loaded, cpu.SHORT), "long": cpu.tokens(loaded, cpu.LONG)},
        "prompts": prompts(loaded, options.batch),
    }
    command = [sys.executable, "-c", VLLM, json.dumps(asked)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode != 0 or not lines:
        print(f"\nvLLM with vllm-lens failed (exit status {done.returncode}): no figures for it")
        return None
    found: dict[str, float] = json.loads(lines[0].removeprefix("RESULT "))
    return found


def prompts(loaded: Loaded, count: int) -> list[tuple[int, ...]]:
    """`count` different prompts."""
    return [
        cpu.tokens(loaded, f"Tell me a long story about {cpu.TOPICS[index % 8]}, number {index}.")
        for index in range(count)
    ]


def memory(work: Callable[[], Any]) -> float:
    """Most GPU memory held during `work`, in GiB, weights included."""
    torch.cuda.reset_peak_memory_stats()
    work()
    torch.cuda.synchronize()
    return float(torch.cuda.max_memory_allocated()) / 2**30


def generation(loaded: Loaded, layer: int, options: argparse.Namespace) -> None:
    """Many steered replies: the engine at its full batch against `generate`."""
    asked = prompts(loaded, options.batch)
    delta = cpu.deltas(loaded)[6]
    addition = cpu.Addition(layer, 0, None, delta, ("g",))
    width = max(map(len, asked))
    rows_of = [[loaded.pad] * (width - len(ids)) + list(ids) for ids in asked]
    kept = [[0] * (width - len(ids)) + [1] * len(ids) for ids in asked]
    padded, mask = (torch.tensor(one, device=loaded.device) for one in (rows_of, kept))

    def ours() -> None:
        rows = [cpu.make_row(loaded, ids, (addition,), options.tokens) for ids in asked]
        cpu.run_rows(loaded, rows, options.batch)

    def batch() -> None:
        with cpu.one_hook(loaded.layers[layer], delta[None], 0):
            cpu._generate(loaded, padded, options.tokens, mask)

    def alone() -> None:
        with cpu.one_hook(loaded.layers[layer], delta[None], 0):
            cpu._generate(loaded, padded[:1], options.tokens, mask[:1])

    cases = {"steering server": ours, "transformers generate, padded batch": batch}
    times = cpu.least(cases, options.repeats)
    times["transformers generate, one at a time"] = (
        cpu.least({"one": alone}, options.repeats)["one"] * options.batch
    )
    title = f"generation of {options.tokens} tokens for {options.batch} prompts"
    cpu.table(f"{title} (one at a time: one timed, times {options.batch})", times)
    for name, work in cases.items():
        print(f"  memory, {name:36s} {memory(work):6.2f} GiB")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="directory or hub id")
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=128, help="generated by each row")
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("steering_gpu: no CUDA device here; benchmarks.steering is for a CPU")
    loaded = load(options.model, dtype=options.dtype, device="cuda")
    layer = default_layer(loaded.depth)
    print(
        f"{torch.cuda.get_device_name()}; {loaded.id}, {loaded.dtype_name}, {loaded.depth} layers; "
        f"torch {torch.__version__}; least wall time of {options.repeats}"
    )
    with torch.inference_mode():
        cpu.sweep(loaded, layer, options.repeats, last=False)
        cpu.sweep(loaded, layer, options.repeats, last=True)
        generation(loaded, layer, options)
        cpu.overhead(loaded, options.repeats)
    found = vllm_times(loaded, options, layer)
    if found is not None:
        cpu.table("vLLM with vllm-lens: sweep short, sweep long, generation", found)


if __name__ == "__main__":
    main()
