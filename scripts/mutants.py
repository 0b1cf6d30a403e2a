"""Break lines at random, one at a time, and say which breaks the tests do not see.

`make mutants`, or `python -m scripts.mutants ROOM… --sample 200 --seed 0`. ROOM is a folder below
`harness/`. Mutants are cosmic-ray's; each is put before the interpreter in a fork of one process
that has the heavy libraries loaded, so that nothing on disk changes. It meets only the tests that
are its file's own: those that import it, else those of its room; without any it is unseen. A test
that starts other processes sees the unbroken code there. What runs away is stopped, and is seen.
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
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
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
CPU = 60
"""Seconds of CPU after which a mutant runs away: some four times the slowest test file's."""
MOST_TESTS = 4
"""Test files a mutant meets, nearest first; what these let through is hardly held down."""


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
        if changed and not _cannot_matter(changed[1]):
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


def _cannot_matter(line: str) -> bool:
    """Checks that only type checkers need, and a `*,` among parameters taken for a product."""
    if line.startswith("/,") or " /," in line:
        return True
    return line.startswith(("assert ", "from ", "import ", "@overload", "if TYPE_CHECKING"))


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


def tests_of(file: str) -> list[str]:
    """Test files that import the file, those of its own room first; else its room's."""
    name = ".".join(Path(file).with_suffix("").parts)
    room = ROOT / "tests" / Path(*Path(file).parts[1:2])
    found = [path for path in (ROOT / "tests").rglob("test_*.py") if name in _imports(path)]
    if not found:
        found = [path for path in room.rglob("test_*.py") if _second_hand(path, name)]
    found.sort(key=lambda path: (Path(file).stem not in path.stem, room not in path.parents,
                                 path.stat().st_size))  # fmt: skip
    return [str(path) for path in found[:MOST_TESTS]]


def _second_hand(path: Path, name: str) -> bool:
    taken = (ROOT / Path(*one.split(".")).with_suffix(".py") for one in _imports(path))
    return any(other.exists() and name in _imports(other) for other in taken)


_known: dict[Path, set[str]] = {}


def _imports(path: Path) -> set[str]:
    if path not in _known:
        tree = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        froms = [node for node in tree if isinstance(node, ast.ImportFrom) and node.module]
        _known[path] = {str(node.module) for node in froms} | {
            f"{node.module}.{alias.name}" for node in froms for alias in node.names
        }
    return _known[path]


def seen(path: Path, source: str, tests: Sequence[str]) -> bool:
    """Whether a test fails, or something runs away, with this source in the file's place."""
    child = os.fork()
    if not child:
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(quiet, stream)
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))
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
        if time.monotonic() - began > 20 * CPU:
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.05)
    return os.waitstatus_to_exitcode(status) not in (0, 5)


def main() -> None:
    """Draw, break, test, tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rooms", nargs="*", default=ROOMS)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60, help="begin no mutant after so long")
    parser.add_argument("-o", "--output", type=Path, help="also write a JSON line a mutant")
    arguments = parser.parse_args()
    files = [
        path for room in arguments.rooms for path in sorted((ROOT / "harness" / room).rglob("*.py"))
    ]
    drawn = mutants(files, sample=arguments.sample, seed=arguments.seed)
    for name in HEAVY:
        importlib.import_module(name)
    began, unseen, met = time.monotonic(), [], 0
    for one in drawn:
        if time.monotonic() - began > 60 * arguments.minutes:
            break
        path, tests = ROOT / one.file, tests_of(one.file)
        source = mutate_code(path.read_text(), get_operator(one.operator)(), one.occurrence)
        caught = bool(tests) and seen(path, source, tests)
        met += 1
        if not caught:
            unseen.append(one)
            print(f"unseen: {one.file}:{one.line}\n  - {one.before}\n  + {one.after}", flush=True)
        if arguments.output:
            with arguments.output.open("a") as told:
                told.write(json.dumps(asdict(one) | {"seen": caught, "tests": tests}) + "\n")
    share = 1 - len(unseen) / max(met, 1)
    print(f"mutants: {met - len(unseen)} of {met} seen ({share:.2f}), seed {arguments.seed}, "
          f"{', '.join(arguments.rooms)}; {time.monotonic() - began:.0f} s")  # fmt: skip


if __name__ == "__main__":
    main()
