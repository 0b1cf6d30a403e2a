"""A whole study against fake endpoints: how near its raters come to their limits, and its CPU.

Four raters in `sysprompt-3x3`, each a pool of one endpoint of 1,200 requests a minute, which its
server (`penchant sim serve`, in a process of its own) enforces. A rater's time runs from the
start of its first cell to the end of its last, against what its limit allows at best for as many
requests; all cells run at once. The CPU is of the process that runs the design, start-up included,
against one `inspect eval` of as many questions in samples of the same size (blocks of 25), on one
pool of four such endpoints; both a call, since one eval makes fewer completions.
Exit status 1 where a ratio is above its bound. `python -m benchmarks.study_run`
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from harness.dispatcher.poolfile import EndpointSpec
from harness.dispatcher.simulation.rehearsal import server_stats, serving
from harness.dispatcher.simulation.scenario import Scenario, Size, fluid_bound
from harness.models.inspect_api import registered_name
from harness.respondent.faults import ServerSpec

RATERS = 4
RPM = 1200
LATEST = 1.15
"""Most that a rater may take, as a multiple of what its limit allows."""
DEAREST = 1.2
"""Most CPU a call, as a multiple of one eval's."""
BLOCK = 25
NAME = "sysprompt-3x3"
SERVER = ServerSpec(latency=0.2, rpm=RPM)


@dataclass(frozen=True)
class Ran:
    """One process: its CPU in seconds, and the requests that its servers answered."""

    cpu: float
    calls: list[int]

    @property
    def each(self) -> float:
        """Milliseconds of CPU a call."""
        return 1000 * self.cpu / sum(self.calls)


def pools(urls: list[str], file: Path, *, apart: bool) -> Path:
    """A pool file with one pool a server (rater0, rater1, …), or one of all of them (rater0)."""
    file.write_text(
        "".join(
            f'[[rater{number if apart else 0}.endpoints]]\nname = "server {number}"\n'
            f'url = "{url}"\nmodel = "faithful"\nrpm = {RPM}\n\n'
            for number, url in enumerate(urls)
        ),
        "utf-8",
    )
    return file


@contextmanager
def servers() -> Iterator[list[str]]:
    """Four servers that enforce the limit; their URLs."""
    limited = ["--latency", str(SERVER.latency), "--rpm", str(RPM)]
    with ExitStack() as stack:
        yield [stack.enter_context(serving(limited)) for _ in range(RATERS)]


def answered(urls: list[str]) -> list[int]:
    """Requests that each server has answered."""
    return [int(server_stats(url)["answered"]) for url in urls]


def child(command: list[str], urls: list[str], folder: Path) -> Ran:
    """Run a process to its end."""
    before, asked = resource.getrusage(resource.RUSAGE_CHILDREN), answered(urls)
    with (folder / "output.txt").open("wb") as output:
        done = subprocess.run(
            command, stdout=output, stderr=subprocess.STDOUT, cwd=folder, env=_environment()
        )
    if done.returncode:
        sys.exit((folder / "output.txt").read_text("utf-8", "replace")[-2000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Ran(cpu, [now - then for now, then in zip(answered(urls), asked, strict=True)])


def _environment() -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[1])
    paths = [root, os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def rater_seconds(logs: Path) -> dict[str, float]:
    """From the start of each rater's first cell to the end of its last."""
    from inspect_ai.log import list_eval_logs, read_eval_log

    spans: dict[str, list[datetime]] = {}
    for info in list_eval_logs(str(logs)):
        log = read_eval_log(info, header_only=True)
        ends = [log.stats.started_at, log.stats.completed_at]
        spans.setdefault(log.eval.model, []).extend(map(datetime.fromisoformat, map(str, ends)))
    return {name: (max(ends) - min(ends)).total_seconds() for name, ends in sorted(spans.items())}


def bound(calls: int) -> float:
    """Seconds that the limit needs at best for so many requests."""
    endpoint = EndpointSpec(name="x", url="http://x.invalid", model="x")
    return fluid_bound(Scenario((endpoint,), (SERVER,)), [Size(1, 0)] * calls)


def study(folder: Path, items: int, seeds: int) -> Ran:
    """The study over four limited servers, in a process of its own."""
    with servers() as urls:
        file = pools(urls, folder / "apart.toml", apart=True)
        command = [sys.executable, "-m", "benchmarks.study_run", "--design", str(file)]
        size = ["--items", str(items), "--seeds", str(seeds)]
        return child([*command, *size], urls, folder)


def one_eval(folder: Path, items: int, seeds: int) -> Ran:
    """As many questions by one rater at as many endpoints, through `inspect eval`."""
    with servers() as urls:
        file = pools(urls, folder / "together.toml", apart=False)
        options = {"items": "builtin:math", "per_origin": items, "seeds": seeds, "block": BLOCK}
        given = [part for name, value in options.items() for part in ("-T", f"{name}={value}")]
        command = [sys.executable, "-m", "inspect_ai", "eval", registered_name("rating")]
        model = ["--model", "pool/rater0", "-M", f"file={file}", "--epochs", str(9 * RATERS)]
        rest = ["--display", "none", "--log-dir", str(folder / "one")]
        return child([*command, *model, *given, *rest], urls, folder)


def run_cells_of(file: Path, items: int, seeds: int) -> None:
    """What the process of the study does."""
    from harness.studies.catalogue import get_study
    from harness.studies.parameters import read_parameters
    from harness.studies.run import run_design

    found = get_study(NAME)
    raters = tuple(f"pool/rater{number}(file={file})" for number in range(RATERS))
    given = {"raters": raters, "per_origin": items, "seeds": seeds, "block": BLOCK}
    run_design(found.design(read_parameters(found, given)), file.parent / "study", study=NAME)


def main() -> None:
    """Print both ratios; exit 1 where one is above its bound."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--unjudged", action="store_true", help="figures only, for small sizes")
    parser.add_argument("--design", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.design:
        run_cells_of(given.design, given.items, given.seeds)
        return
    wrong = False
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        whole = study(folder, given.items, given.seeds)
        seconds = rater_seconds(folder / "study")
        for (name, took), calls in zip(seconds.items(), whole.calls, strict=True):
            best = bound(calls)
            wrong |= took > LATEST * best
            print(f"{name}: {calls:,} requests in {took:.1f} s, {took / best:.3f} x the bound")
        plain = one_eval(folder, given.items, given.seeds)
    ratio = whole.each / plain.each
    wrong |= ratio > DEAREST
    print(
        f"CPU a call: study {whole.each:.2f} ms ({whole.cpu:.1f} s), one eval {plain.each:.2f} ms "
        f"({plain.cpu:.1f} s, {sum(plain.calls):,} calls): {ratio:.3f} x"
    )
    sys.exit(int(wrong and not given.unjudged))


if __name__ == "__main__":
    main()
