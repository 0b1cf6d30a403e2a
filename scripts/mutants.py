"""Break lines at random, one at a time, and say which breaks the tests do not see.

`make mutants`, or `python -m scripts.mutants ROOM… --sample 200 --seed 0`. ROOM is a folder below
`harness/`. Mutants are cosmic-ray's; each is put before the interpreter in a fork of one process
that has the heavy libraries loaded, so that nothing on disk changes. First the tests are run once
with every line traced (`mutant_map`); a mutant meets the tests that run its line, the quickest
first, for so many seconds as `--most` says, and is unseen without any. A test that starts other
processes sees the unbroken code there. What runs away is stopped, and is seen.
"""

import argparse
import ast
import importlib
import importlib.abc
import importlib.util
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cosmic_ray.ast import get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("measuring", "records", "models", "text")
HEAVY = (
    "inspect_ai", "inspect_ai.model", "inspect_ai.log", "numpy", "scipy.stats", "scipy.sparse",
    "scipy.optimize", "polars", "msgspec", "hypothesis", "click", "matplotlib.figure", "anyio",
    "httpx", "rich.console", "sklearn.linear_model",
)  # fmt: skip
OPERATORS = tuple(
    f"core/{name}"
    for name in (
        *("AddNot", "NumberReplacer", "ReplaceAndWithOr", "ReplaceOrWithAnd"),
        *("ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ReplaceFalseWithTrue"),
        *("ReplaceTrueWithFalse", "ReplaceUnaryOperator_Delete_Not", "ZeroIterationForLoop"),
        *(f"ReplaceComparisonOperator_{one}" for one in (
            "Eq_NotEq", "NotEq_Eq", "Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Is_IsNot", "IsNot_Is",
        )),
        *(f"ReplaceBinaryOperator_{one}" for one in ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul")),
    )
)  # fmt: skip
BESIDE = ("evals", "scorers", "cli", "providers", "dispatcher")
"""Folders of tests that go through the rooms from outside."""
OF_ALL = ("tests/test_values.py",)
"""Tests of what is declared in every module, which run none of its lines."""
FEW = 25
"""Tests that are run first: most mutants are seen by one of the quickest."""


@dataclass(frozen=True)
class Mutant:
    """A file, an operator and which of its places; the line, before and after."""

    file: str
    operator: str
    occurrence: int
    line: int
    before: str
    after: str


def mutants(files: Sequence[Path], *, sample: int, seed: int) -> list[Mutant]:
    """So many mutants of the files, drawn by the seed among all that the operators can make."""
    places = [place for path in files for place in _places(path)]
    drawn = random.Random(seed).sample(places, len(places))
    found: list[Mutant] = []
    for path, name, occurrence in drawn:
        if len(found) == sample:
            break
        text = path.read_text(encoding="utf-8")
        broken = mutate_code(text, get_operator(name)(), occurrence)
        changed = [] if broken is None else _changed(text, broken)
        if changed and not _cannot_matter(*changed[1:]):
            found.append(Mutant(str(path.relative_to(ROOT)), name, occurrence, *changed))
    return found


def _places(path: Path) -> Iterator[tuple[Path, str, int]]:
    nodes = list(_nodes(get_ast(path.read_text(encoding="utf-8"))))
    for name in OPERATORS:
        operator = get_operator(name)()
        count = sum(1 for node in nodes for _ in operator.mutation_positions(node))
        yield from ((path, name, occurrence) for occurrence in range(count))


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    for child in getattr(node, "children", ()):
        yield from _nodes(child)


def _changed(text: str, broken: str) -> tuple[Any, ...]:
    pairs = zip(text.splitlines(), broken.splitlines(), strict=False)
    for number, (old, new) in enumerate(pairs, start=1):
        if old != new:
            return number, old.strip(), new.strip()
    return ()


def _cannot_matter(before: str, after: str) -> bool:
    """Checks that only type checkers need, and a `*,` among parameters taken for a product."""
    if after.startswith("/,") or " /," in after:
        return True
    return before.startswith(("assert ", "from ", "import ", "@overload", "if TYPE_CHECKING"))


class Broken(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the broken source of one module to whoever imports it."""

    def __init__(self, path: Path, source: str) -> None:
        self.path, self.source = path, source
        self.name = ".".join(path.relative_to(ROOT).with_suffix("").parts)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.source, str(self.path), "exec"), module.__dict__)


@dataclass(frozen=True)
class Met:
    """By file and line the tests that run it, and each test's seconds."""

    lines: Mapping[str, Mapping[int, Sequence[str]]]
    seconds: Mapping[str, float]
    most: float

    def tests(self, one: Mutant) -> list[str]:
        """Those of the mutant's statement, quickest first, for `most` seconds in all."""
        lines = self.lines.get(one.file, {})
        if one.line in _inside_functions(one.file):
            # Of a statement of several lines the tracer knows the first ones only.
            near = [line for line in lines if one.line - 12 <= line <= one.line and lines[line]]
            names = lines.get(one.line) or (lines[max(near)] if near else ())
        else:
            # Run while the module is read: whoever runs anything of it meets it.
            names = sorted({*OF_ALL, *(name for tests in lines.values() for name in tests)})
        kept: list[str] = []
        spent = 0.0
        for name in sorted(names, key=lambda name: self.seconds.get(name, 0.0)):
            spent += self.seconds.get(name, 0.0)
            if spent > self.most and kept:
                break
            kept.append(name)
        return kept


@cache
def _inside_functions(file: str) -> frozenset[int]:
    """Lines of the bodies of functions."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.update(range(node.body[0].lineno, (node.end_lineno or node.lineno) + 1))
    return frozenset(found)


def met_by(
    rooms: Sequence[str], folders: Sequence[str], jobs: int, most: float, kept: Path | None
) -> Met:
    """Run the tests of `folders` once, `jobs` processes at a time, and join their maps; or take
    what an earlier run has `kept`."""
    if kept and kept.exists():
        told = json.loads(kept.read_text())
        by_line = {n: {int(k): v for k, v in of.items()} for n, of in told["lines"].items()}
        return Met(by_line, told["seconds"], most)
    lines: dict[str, dict[int, set[str]]] = {}
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:

        def mapped(folder: str) -> Path:
            to = Path(scratch) / f"{folder}.json"
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
            command += ["-p", "scripts.mutant_map", "--map-rooms", ",".join(rooms)]
            command += ["--map-to", str(to), f"tests/{folder}"]
            ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
            if ran.returncode not in (0, 5):
                sys.exit(f"mutants: tests/{folder} fails unbroken\n{ran.stdout[-2000:]}")
            return to

        with ThreadPoolExecutor(jobs) as pool:
            for file in pool.map(mapped, folders):
                part = json.loads(file.read_text())
                seconds |= part["seconds"]
                for name, by_line in part["lines"].items():
                    for line, tests in by_line.items():
                        lines.setdefault(name, {}).setdefault(int(line), set()).update(tests)
    joined = {name: {k: sorted(v) for k, v in of.items()} for name, of in lines.items()}
    if kept:
        kept.write_text(json.dumps({"lines": joined, "seconds": seconds}))
    return Met(joined, seconds, most)


def seen(path: Path, source: str, tests: Sequence[str], most: float) -> bool:
    """Whether a test fails, or something runs away, with this source in the file's place."""
    parts = [tests[:FEW], tests[FEW:]]
    return any(_fails(path, source, part, most) for part in parts if part)


def _fails(path: Path, source: str, tests: Sequence[str], most: float) -> bool:
    limit = int(4 * most) + 10
    child = os.fork()
    if not child:
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(quiet, stream)
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        sys.meta_path.insert(0, Broken(path, source))
        code = 1
        try:
            code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))
        finally:
            os._exit(code)
    began, status = time.monotonic(), 0
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() - began > 5 * limit:
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.05)
    return os.waitstatus_to_exitcode(status) not in (0, 5)


def tried(drawn: Sequence[Mutant], met: Met, minutes: float, output: Path | None) -> list[bool]:
    """Whether each is seen, in order; none is begun after so many minutes."""
    began, found = time.monotonic(), []
    for one in drawn:
        if time.monotonic() - began > 60 * minutes:
            break
        path, tests = ROOT / one.file, met.tests(one)
        source = mutate_code(path.read_text(), get_operator(one.operator)(), one.occurrence)
        caught = bool(tests) and seen(path, source, tests, met.most)
        found.append(caught)
        if not caught:
            said = f"unseen by {len(tests)} tests: {one.file}:{one.line}"
            print(f"{said}\n  - {one.before}\n  + {one.after}", flush=True)
        if output:
            with output.open("a") as told:
                told.write(json.dumps(asdict(one) | {"seen": caught, "met": len(tests)}) + "\n")
    return found


def told_of(drawn: Sequence[Mutant], output: Path | None) -> dict[Mutant, bool]:
    """Those of a run that was ended, by whether they were seen."""
    if output is None or not output.exists():
        return {}
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    was = {(row["file"], row["operator"], row["occurrence"]): bool(row["seen"]) for row in rows}
    places = {one: (one.file, one.operator, one.occurrence) for one in drawn}
    return {one: was[place] for one, place in places.items() if place in was}


def main() -> None:
    """Draw, break, test, tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rooms", nargs="*", default=ROOMS)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60, help="begin no mutant after so long")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    parser.add_argument("--beside", nargs="*", default=BESIDE,
                        help="folders of tests besides the rooms' own")  # fmt: skip
    parser.add_argument("--most", type=float, default=60,
                        help="seconds of tests that a mutant meets")  # fmt: skip
    parser.add_argument("--map", type=Path,
                        help="what the tests run: taken from here, or kept here")  # fmt: skip
    parser.add_argument("-o", "--output", type=Path,
                        help="a JSON line a mutant; those in it are not tried again")  # fmt: skip
    arguments = parser.parse_args()
    rooms, jobs = list(arguments.rooms), max(arguments.jobs, 1)
    files = [path for room in rooms for path in sorted((ROOT / "harness" / room).rglob("*.py"))]
    drawn = mutants(files, sample=arguments.sample, seed=arguments.seed)
    known = told_of(drawn, arguments.output)
    drawn = [one for one in drawn if one not in known]
    folders = [one for one in (*rooms, *arguments.beside) if (ROOT / "tests" / one).is_dir()]
    began = time.monotonic()
    met = met_by(rooms, folders, jobs, arguments.most, arguments.map)
    print(
        f"mutants: {len(met.seconds)} tests traced in {time.monotonic() - began:.0f} s", flush=True
    )
    for name in HEAVY:
        importlib.import_module(name)
    # A process each, as forks of one that has threads may hang.
    readers = []
    for job in range(jobs):
        reader, writer = os.pipe()
        if not os.fork():
            found = tried(drawn[job::jobs], met, arguments.minutes, arguments.output)
            os.write(writer, json.dumps([sum(found), len(found)]).encode())
            os._exit(0)
        os.close(writer)
        readers.append(reader)
    told = [json.loads(os.fdopen(reader).read()) for reader in readers]
    told.append([sum(known.values()), len(known)])
    caught, all_met = (sum(column) for column in zip(*told, strict=True))
    print(f"mutants: {caught} of {all_met} seen ({caught / max(all_met, 1):.2f}), seed "
          f"{arguments.seed}, {', '.join(rooms)}; {time.monotonic() - began:.0f} s")  # fmt: skip


if __name__ == "__main__":
    main()
