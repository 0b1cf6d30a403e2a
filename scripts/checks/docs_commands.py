"""Every command block of README and docs is run, or says why it is not.

A block without a language is commands, one with `toml` or `json` may be a file, `text` is output,
`python` runs in Python. What stands in a comment right above a block says what becomes of it:

    <!-- block: needs a key (NAME) -->      not run; any reason, in words
    <!-- block: file NAME -->               written to that file, for the commands below it
    <!-- block: with OLD => NEW; … -->      run with NEW in OLD's place: smaller, or a real name
    <!-- before: COMMAND -->                run before it, and not shown

Each page is run in order in a folder of its own, two pages at a time, with the project's
environment on the path.
`--list` only lists; names of pages run those alone.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/first_run.md", "docs/statistics.md", "docs/pools.md",
         "docs/steering.md", "docs/python.md")  # fmt: skip
BESIDE = ("evals", "scripts", "benchmarks")
VENV = Path(sys.prefix)
BLOCK = re.compile(
    r"(?:^<!-- before: (?P<before>[^\n]*) -->\n)?(?:^<!-- block: (?P<told>[^\n]*) -->\n)?"
    r"^```(?P<kind>[^\n]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
COMMANDS = ("", "sh", "bash")
LIMIT = 600
"""Seconds of one block: none is a long run, and a block that hangs must not hold the rest."""
SHELL = """set -euo pipefail
open() { test -e "$1"; }
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
"""


@dataclass(frozen=True)
class Block:
    """A fenced block, where it begins, and what the comment above it says."""

    page: str
    line: int
    kind: str
    told: str
    text: str
    before: str = ""

    @property
    def where(self) -> str:
        """Page and line."""
        return f"{self.page}:{self.line}"

    @property
    def script(self) -> str:
        """The text as it is run, with what the comment changes."""
        text = f"{self.before}\n{self.text}"
        if self.told.startswith("with "):
            for old, new in re.findall(
                r"(?:^|; )([^;]+?) => (.+?)(?=; [^;]+ => |$)", self.told[5:]
            ):
                if old not in text:
                    sys.exit(f"{self.where}: {old!r} is not in the block")
                text = text.replace(old, new)
        return text

    @property
    def reason(self) -> str:
        """Why it is not run; empty where it is."""
        if self.told and not self.told.startswith(("with ", "file ")):
            return self.told
        if self.told.startswith("file ") or self.kind in (*COMMANDS, "python"):
            return ""
        return f"is {self.kind}"


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks of a page in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("kind")) + 1
        yield Block(page, line, found["kind"].strip(), found["told"] or "", found["text"],
                    found["before"] or "")  # fmt: skip


def run_page(page: str) -> tuple[int, int]:
    """Run a page's blocks in a folder of its own; how many ran, how many failed."""
    ran = failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for beside in BESIDE:
            (folder / beside).symlink_to(ROOT / beside)
        (folder / ".venv").symlink_to(VENV)
        (folder / "logs").mkdir()
        for block in blocks(page):
            if block.reason:
                continue
            if block.told.startswith("file "):
                (folder / block.told.removeprefix("file ")).write_text(block.text)
                continue
            began, ran = time.monotonic(), ran + 1
            said = _run(block, folder)
            failed += said is not None
            print(f"{block.where} {time.monotonic() - began:.0f} s {said or ''}", flush=True)
    return ran, failed


def _run(block: Block, folder: Path) -> str | None:
    """None where the block ends well, else what it said last."""
    environment = os.environ | {
        "PATH": f"{VENV / 'bin'}:{os.environ['PATH']}",
        "INSPECT_DISPLAY": "none",
    }
    line = ["bash", "-c", SHELL + block.script]
    if block.kind == "python":
        line = ["python", "-c", block.script]
    try:
        done = subprocess.run(
            line, cwd=folder, env=environment, capture_output=True, text=True,
            timeout=LIMIT, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"FAILED: more than {LIMIT} s"
    if done.returncode == 0:
        return None
    return f"FAILED with {done.returncode}\n{done.stdout[-1500:]}{done.stderr[-1500:]}"


def main() -> None:
    """Run; exit with the blocks that failed, and where none was run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", default=PAGES)
    parser.add_argument("--list", action="store_true", help="say what becomes of each block")
    arguments = parser.parse_args()
    if arguments.list:
        for page in arguments.pages:
            for block in blocks(page):
                print(f"{block.where:<28} {block.reason or block.told or 'run'}")
        return
    began = time.monotonic()
    with ThreadPoolExecutor(2) as two:
        found = list(two.map(run_page, arguments.pages))
    ran, failed = (sum(each) for each in zip(*found, strict=True))
    print(f"docs: {ran} blocks in {time.monotonic() - began:.0f} s, {failed} failed")
    if failed or not ran:
        sys.exit(1)


if __name__ == "__main__":
    main()
