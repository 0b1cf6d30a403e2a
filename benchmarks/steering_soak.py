"""Thousands of mixed requests at a steering server with a tiny model: every one gets its due.

    python -m benchmarks.steering_soak [--requests 5000] [--clients 64]

Valid, steered, scored, streamed, invalid, oversized, non-finite, cancelled and slowly read
requests, from many clients at once, against a server in a process of its own. Afterwards: every
request answered or refused with its reason, no steered request answered without its steering,
the server healthy and its memory what it was after the first quarter.
"""

import argparse
import asyncio
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import torch

from steering_server.model.models import load
from steering_server.vectors.vectors import NORMS, Origin, serialize

KINDS = {
    "plain": 200,
    "steered": 200,
    "scored": 200,
    "streamed": 200,
    "slow": 200,
    "unknown": 404,
    "invalid": 400,
    "oversized": 400,
    "non-finite": 422,
    "cancelled": 0,
}

SLOW = 0.1
"""Seconds a slow reader takes over each token; the server has long finished by then."""


def write_vectors(folder: Path) -> None:
    """A usable vector, and one whose dose overflows."""
    loaded = load("tiny:llama", name="tiny")
    origin = Origin(
        model="tiny",
        weights=loaded.weights,
        template=loaded.template,
        method="random",
        selector="none",
        span="prompt",
        default_layer=2,
    )
    for name, norm in (("good", 0.5), ("huge", 3e38)):
        directions = {layer: torch.randn(loaded.width) for layer in range(loaded.depth)}
        norms = {kind: dict.fromkeys(directions, norm) for kind in NORMS}
        data = serialize(directions, norms, origin)
        (folder / f"{name}.safetensors").write_bytes(data)


def body(kind: str, rng: random.Random) -> dict[str, Any]:
    """One request of its kind."""
    length = rng.randrange(1, 30)
    prompt = " ".join(
        rng.choice(("tell", "me", "of", "sums", "and", "ships")) for _ in range(length)
    )
    base: dict[str, Any] = {
        "model": "tiny",
        "messages": [{"role": "user", "content": prompt}],
        "max_tokens": rng.randrange(1, 12),
        "seed": rng.randrange(1000),
    }
    vector = {"name": "good", "coef": rng.choice((-0.5, -0.1, 0.2, 0.4))}
    positions = rng.choice(("all", "prompt", "response", "last_prompt"))
    steered = {"vectors": [vector | {"positions": positions}]}
    more: dict[str, dict[str, Any]] = {
        "plain": {},
        "steered": {"steering": steered},
        "scored": {"steering": steered | {"choices": ["A", "B", "Task A"]}},
        "streamed": {"steering": steered, "stream": True},
        "slow": {"steering": steered, "stream": True, "max_tokens": 40},
        "unknown": {"steering": {"vectors": [{"name": "nobody", "coef": 1}]}},
        "invalid": {"steering": {"vectors": [vector | {"layers": [99]}]}},
        "oversized": {"messages": [{"role": "user", "content": "x" * 3000}]},
        "non-finite": {"steering": {"vectors": [{"name": "huge", "coef": 100}]}},
        "cancelled": {"steering": steered, "max_tokens": 300, "stream": rng.random() < 0.5},
    }
    return base | more[kind]


async def one(http: httpx.AsyncClient, kind: str, asked: dict[str, Any]) -> str:
    """Do one request; returns what came of it, `ok` when that was its due."""
    path = "/v1/chat/completions"
    if kind == "cancelled":
        try:
            await asyncio.wait_for(http.post(path, json=asked), 0.02)
        except (TimeoutError, httpx.HTTPError):
            return "ok"
        return "ok"
    if kind in ("streamed", "slow"):
        return await streamed(http, path, asked, slow=kind == "slow")
    response = await http.post(path, json=asked)
    if response.status_code == 429:
        return "queue full"
    if response.status_code != KINDS[kind]:
        return f"{kind}: {response.status_code} {response.text[:100]}"
    told = response.json()
    if response.status_code != 200:
        return "ok" if told["error"]["message"] else f"{kind}: no reason"
    return applied(kind, asked, told["steering"])


def applied(kind: str, asked: dict[str, Any], steering: dict[str, Any]) -> str:
    """Whether the reply's account of the steering is what was asked."""
    wanted = [vector["coef"] for vector in asked.get("steering", {}).get("vectors", [])]
    found = [vector["coef"] for vector in steering["vectors"]]
    return "ok" if wanted == found else f"{kind}: unsteered ({found}, not {wanted})"


async def streamed(http: httpx.AsyncClient, path: str, asked: dict[str, Any], *, slow: bool) -> str:
    """Read a stream, slowly or at once; it must end with `[DONE]`."""
    last = first = ""
    async with http.stream("POST", path, json=asked) as response:
        if response.status_code == 429:
            return "queue full"
        if response.status_code != 200:
            return f"stream: {response.status_code}"
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                first, last = first or line[6:], line[6:]
                if slow:
                    await asyncio.sleep(SLOW)
    if last != "[DONE]":
        return f"stream ended with {last[:80]}"
    import json

    return applied("streamed", asked, json.loads(first)["steering"])


def resident(pid: int) -> float:
    """Resident memory of a process in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def served(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """A server in a process of its own, ready."""
    server = subprocess.Popen(
        [
            *(sys.executable, "-c", "from steering_server.cli import main; main()", "serve"),
            *("--model", "tiny:llama", "--name", "tiny", "--vectors", str(folder)),
            *("--port", "0", "--threads", "1"),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    line = server.stderr.readline()
    if "http://" not in line:
        sys.exit(f"the server did not start: {line}")
    return server, line.rsplit("; ", 1)[1].strip()


async def soak(url: str, pid: int, requests: int, clients: int) -> tuple[Counter[str], list[float]]:
    """All requests; what came of them, and the server's memory at each quarter."""
    rng = random.Random(0)
    kinds = [rng.choice(list(KINDS)) for _ in range(requests)]
    work = iter(enumerate(kinds))
    outcomes: Counter[str] = Counter()
    memory: list[float] = []

    async def client() -> None:
        async with httpx.AsyncClient(base_url=url, timeout=120, trust_env=False) as http:
            for index, kind in work:
                outcome = await one(http, kind, body(kind, random.Random(index)))
                outcomes[f"{kind}, its due" if outcome == "ok" else outcome] += 1
                if (index + 1) % max(1, requests // 4) == 0:
                    memory.append(resident(pid))

    await asyncio.gather(*(client() for _ in range(clients)))
    return outcomes, memory


def main() -> None:
    """Run, print, and exit 1 if anything was not as due."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--clients", type=int, default=64)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        write_vectors(Path(name))
        server, url = served(Path(name))
    started = time.monotonic()
    outcomes, memory = asyncio.run(soak(url, server.pid, options.requests, options.clients))
    health = httpx.get(f"{url}/health", trust_env=False).json()
    server.terminate()
    code = server.wait(60)
    seconds = time.monotonic() - started
    print(f"{options.requests} requests from {options.clients} clients in {seconds:.0f} s")
    for outcome, count in outcomes.most_common():
        print(f"  {count:6d}  {outcome}")
    print(f"  memory of the server at each quarter, MiB: {', '.join(f'{m:.0f}' for m in memory)}")
    print(
        f"  afterwards: {health['status']}, {health['running']} running, {health['queued']} "
        f"queued; drained with exit status {code}"
    )
    wrong = set(outcomes) - {f"{kind}, its due" for kind in KINDS} - {"queue full"}
    grown = memory[-1] / memory[0] if memory else 1.0
    if wrong or health["status"] != "ready" or code != 0 or grown > 1.1:
        sys.exit(1)


if __name__ == "__main__":
    main()
