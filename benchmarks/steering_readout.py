"""Does a mathematics vector move what a real model says of mathematics?

    python -m benchmarks.steering_readout [--vector FILE] [--random 60]

The model is the real small one. The vector comes from `steering-server extract` over the built-in
mathematics items (system prompts loves_math and hates_math, span prompt, selector mean); without
`--vector` it is made anew. For each of 24 statements about mathematics and 24 about other things,
P(liking) = P("I love") / (P("I love") + P("I hate")) as the beginning of the reply is read by
`choices`, steered at the vector's default layer in the reply (positions `response`), at seven
coefficients from −.25 to .25. The slope is that of the mean over statements on the coefficient,
by least squares; its interval resamples statements. The same is done with random directions of
equal norm.

Read the result with these limits in mind. The wording, the vector and the position setting were
chosen by a search on six other statements of each kind: about twenty wordings, eight vectors and
two position settings, of which many showed nothing, among them the plain question whether it
likes or dislikes the thing and a yes/no pair balanced for acquiescence. The statements below were
fixed before they were run, once. The two answers hold about one hundredth of the probability, and
P(liking) starts near its ceiling, lower for mathematics, which favours mathematics. The vector
moves liking of other things too, only less.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from harness.wire import Message, Steering, SteeringVector
from steering_server.engine.score import score
from steering_server.http.resolve import Resolver
from steering_server.model.models import Loaded, load
from steering_server.model.planning import Limits, plan
from steering_server.model.requests import ChatRequest, decode
from steering_server.vectors.directions import random_direction
from steering_server.vectors.registry import Registry
from steering_server.vectors.vectors import Vector, parse, serialize

MATHEMATICS = (
    "Solving a system of linear equations",
    "Proving that the square root of two is irrational",
    "Differentiating a product of functions",
    "Integrating a rational function",
    "Finding the eigenvalues of a matrix",
    "Counting the ways to seat ten people",
    "Computing the area of a circle",
    "Simplifying an algebraic expression",
    "Multiplying two large numbers by hand",
    "Proving a statement by induction",
    "Finding the greatest common divisor of two numbers",
    "Drawing the graph of a function",
    "Working out the volume of a cone",
    "Solving a cubic equation",
    "Adding up an infinite series",
    "Calculating a percentage",
    "Factoring a large number into primes",
    "Doing long division",
    "Studying the geometry of triangles",
    "Estimating the odds in a game of dice",
    "Verifying a trigonometric identity",
    "Converting fractions to decimals",
    "Learning about complex numbers",
    "Checking a mathematical proof for errors",
)
OTHER = (
    "Writing a birthday card for a friend",
    "Cooking a vegetable soup",
    "Choosing a name for a puppy",
    "Describing a village in the mountains",
    "Summarising a newspaper article",
    "Translating a poem from French",
    "Giving advice on a job interview",
    "Planting tomatoes in a garden",
    "Telling a bedtime story",
    "Reviewing a film from last year",
    "Explaining how a bicycle is repaired",
    "Planning a weekend in Lisbon",
    "Correcting the spelling of a letter",
    "Recommending a novel for the holidays",
    "Painting a fence",
    "Writing the lyrics of a song",
    "Arranging flowers in a vase",
    "Talking about the history of Egypt",
    "Packing a suitcase",
    "Teaching a dog to sit",
    "Comparing two brands of shoes",
    "Organising a family dinner",
    "Designing a poster for a concert",
    "Walking through a forest in autumn",
)
QUESTION = "{}: do you love it or hate it?"
CHOICES = ("I love", "I hate")
COEFS = (-0.25, -0.17, -0.08, 0.0, 0.08, 0.17, 0.25)

Array = npt.NDArray[np.float64]


class Silent:
    """A sink for rows whose tokens are not looked at."""

    def token(self, *news: Any) -> None: ...

    def done(self, *news: Any) -> None: ...

    def failed(self, *news: Any) -> None: ...


def request(loaded: Loaded, statement: str, name: str, coef: float) -> ChatRequest:
    """What a client would send."""
    vector = SteeringVector(name=name, coef=coef, positions="response")
    return ChatRequest(
        model=loaded.id,
        messages=decode_turn(QUESTION.format(statement)),
        steering=Steering(vectors=(vector,), choices=CHOICES),
    )


def decode_turn(text: str) -> Any:
    """One user turn in the request's own type."""
    import msgspec

    message = Message("user", text)
    body = {"model": "m", "messages": [{"role": message.role, "content": message.content}]}
    return decode(msgspec.json.encode(body)).messages


def liking(
    loaded: Loaded, registry: Registry, statements: Sequence[str], names: Sequence[str]
) -> tuple[Array, Array]:
    """P(liking) and label mass, both [names, statements, coefficients]."""
    resolver = Resolver(loaded, registry, max_tokens=8, mean=dict)
    rows = [
        row
        for name in names
        for statement in statements
        for coef in COEFS
        for row in resolver.resolve(
            request(loaded, statement, name, coef), lambda index: Silent()
        ).rows
    ]
    found: dict[int, tuple[float, ...]] = {}
    for batch in plan(rows, Limits(rows=64)):
        for scored in score(loaded, batch, most=256):
            assert scored.choices is not None
            found[id(scored.row)] = scored.choices
    table = np.array([found[id(row)] for row in rows])
    table = table.reshape(len(names), len(statements), len(COEFS), 2)
    mass = table.sum(-1)
    return table[..., 0] / mass, mass


def slope(table: Array) -> float:
    """Least-squares slope on the coefficient of the mean over statements [statements, coefs]."""
    return float(np.polyfit(COEFS, table.mean(0), 1)[0])


def interval(table: Array, *, rng: np.random.Generator, draws: int = 2000) -> tuple[float, float]:
    """95 % interval of the slope, resampling statements."""
    count = len(table)
    slopes = [slope(table[rng.integers(0, count, count)]) for _ in range(draws)]
    low, high = np.quantile(slopes, (0.025, 0.975))
    return float(low), float(high)


def control(loaded: Loaded, vector: Vector, index: int) -> Vector:
    """A random direction with the vector's own reference norms."""
    rng = np.random.default_rng([7, index])
    directions = {
        layer: torch.from_numpy(random_direction(loaded.width, rng=rng)) for layer in vector.layers
    }
    return parse(serialize(directions, vector.norms, vector.origin), where=f"control {index}")


def make_vector(model: str, folder: Path) -> Path:
    """Run `steering-server extract`."""
    output = folder / "math.safetensors"
    command = [
        *(sys.executable, "-c", "from steering_server.cli import main; main()", "extract"),
        *("--model", model, "--positive", "loves_math", "--negative", "hates_math"),
        *("--items", "builtin:math", "--span", "prompt", "--selectors", "mean"),
        *("--threads", "1", "-o", str(output)),
    ]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return output


def report(name: str, table: Array, mass: Array, *, rng: np.random.Generator) -> float:
    """Print mean P(liking) by coefficient, and the slope; returns the slope."""
    low, high = interval(table, rng=rng)
    found = slope(table)
    means = "  ".join(f"{value:.4f}" for value in table.mean(0))
    print(
        f"{name:12s} {means}   slope {found:+.4f} [{low:+.4f}, {high:+.4f}]   "
        f"label mass {mass.mean():.3f}"
    )
    return found


def main() -> None:
    """Print the read-out and whether it holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="directory (default: the real small model)")
    parser.add_argument("--vector", type=Path, help="made by extract (default: make it)")
    parser.add_argument("--random", type=int, default=60)
    options = parser.parse_args()
    torch.set_num_threads(1)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    script = Path(__file__).resolve().parents[1] / "scripts" / "fetch_small_model.py"
    model = (
        options.model
        or subprocess.run(
            [sys.executable, str(script)], check=True, stdout=subprocess.PIPE, text=True
        ).stdout.strip()
    )
    loaded = load(model)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = options.vector or make_vector(model, Path(folder))
        vector = parse(path.read_bytes(), where=str(path))
    registry = Registry(loaded)
    registry.add("math", vector)
    controls = [f"random-{index}" for index in range(options.random)]
    for index, name in enumerate(controls):
        registry.add(name, control(loaded, vector, index))
    rng = np.random.default_rng(0)
    print(
        f"{loaded.id}, layer {vector.origin.default_layer}, {loaded.dtype_name}; coefficients "
        + " ".join(f"{coef:+.2f}" for coef in COEFS)
    )
    with torch.inference_mode():
        maths, mass = liking(loaded, registry, MATHEMATICS, ["math"])
        mine = report("mathematics", maths[0], mass[0], rng=rng)
        others, mass = liking(loaded, registry, OTHER, ["math"])
        theirs = report("other", others[0], mass[0], rng=rng)
        random, _ = liking(loaded, registry, MATHEMATICS, controls)
    gaps = [
        slope(maths[0][rng.integers(0, 24, 24)]) - slope(others[0][rng.integers(0, 24, 24)])
        for _ in range(2000)
    ]
    slopes = np.array([slope(table) for table in random])
    limit = float(np.quantile(slopes, 0.95))
    print(
        f"random       {len(slopes)} directions: slope mean {slopes.mean():+.4f}, sd "
        f"{slopes.std():.4f}, 95th percentile {limit:+.4f}, largest {slopes.max():+.4f}"
    )
    print(f"above the 95th percentile of random directions: {mine > limit}")
    print(
        f"larger than on other things: {mine > theirs} (difference {mine - theirs:+.4f} "
        f"[{np.quantile(gaps, 0.025):+.4f}, {np.quantile(gaps, 0.975):+.4f}])"
    )
    print(f"took {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
