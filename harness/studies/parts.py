"""A design in several processes on one machine, each with a part of its cells."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import TypeAlias

from harness.errors import UsageError
from harness.studies.catalogue import get_study
from harness.studies.folder import read_frozen
from harness.studies.forecast import made_by, plan_of
from harness.studies.parameters import read_parameters
from harness.studies.run import run_cells, shown_progress
from harness.studies.study import DesignCell, StudyDesign

__all__ = ["parts_of", "run_parts"]

_TICK = b"."
_Process: TypeAlias = "subprocess.Popen[bytes]"


def parts_of(design: StudyDesign, count: int) -> list[tuple[DesignCell, ...]]:
    """The cells in at most `count` parts of about as many calls.

    Cells that are asked about the same completions stay together, so that each is made once; so
    there may be fewer parts than wanted. The same design gives the same parts.
    """
    together: dict[tuple[str, ...], list[DesignCell]] = {}
    calls: dict[tuple[str, ...], int] = {}
    for number, cell in enumerate(design.cells):
        plan = plan_of(cell)
        makes = plan.forecast.makes_completions
        made = ("made", cell.completer, made_by(plan))
        key: tuple[str, ...] = made if makes else ("cell", str(number))
        together.setdefault(key, []).append(cell)
        calls[key] = calls.get(key, plan.forecast.items if makes else 0) + plan.forecast.questions
    parts: list[list[DesignCell]] = [[] for _ in range(count)]
    load = [0] * count
    for key in sorted(together, key=lambda one: (-calls[one], one)):
        least = load.index(min(load))
        parts[least] += together[key]
        load[least] += calls[key]
    place = {id(cell): number for number, cell in enumerate(design.cells)}
    return [tuple(sorted(part, key=lambda one: place[id(one)])) for part in parts if part]


def run_parts(
    design: StudyDesign, folder: Path, *, study: str, processes: int, budget: float | None = None
) -> None:
    """Run what is not done yet in `processes` processes; the design is frozen in `folder`.

    Each has the share of `budget` that its calls have of all calls.

    UsageError with what each process said where one did not end with success; the same call
    resumes. A process that loses us ends at once.
    """
    parts = parts_of(design, processes)
    calls = [sum(plan_of(cell).forecast.questions for cell in part) for part in parts]
    shares = [""] * len(parts)
    if budget is not None:
        shares = [repr(budget * count / max(1, sum(calls))) for count in calls]
    command = [sys.executable, "-m", "harness.studies.parts", str(folder.absolute())]
    with ExitStack() as stack:
        advance = stack.enter_context(shown_progress(design.cells, study))
        running = [
            stack.enter_context(
                subprocess.Popen(
                    [*command, str(number), shares[number]],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
            )
            for number in range(len(parts))
        ]
        said = _listened(running, advance)
    failed = [number for number, one in enumerate(running) if one.returncode != 0]
    if failed:
        told = "; ".join(f"process {number + 1}: {said[number]}" for number in failed)
        raise UsageError(told)


def _listened(running: Sequence[_Process], advance: Callable[[], None]) -> list[str]:
    """Advance by every tick until all have ended; the last line that each wrote of an error."""
    said = [""] * len(running)

    def ticks(one: _Process) -> None:
        assert one.stdout is not None
        while read := one.stdout.read(1):
            if read == _TICK:
                advance()

    def errors(number: int, one: _Process) -> None:
        assert one.stderr is not None
        for line in one.stderr:
            if text := line.decode(errors="replace").strip():
                said[number] = text.removeprefix("penchant: ")

    threads = [Thread(target=ticks, args=(one,)) for one in running]
    threads += [Thread(target=errors, args=pair) for pair in enumerate(running)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
        for one in running:
            one.wait()
    except BaseException:
        for one in running:
            one.terminate()
        raise
    return said


def _tick() -> None:
    """Tell the process that started us; without it nobody waits for what we find."""
    try:
        os.write(1, _TICK)
    except BrokenPipeError:
        os._exit(1)


def _main() -> None:
    """Run one part: FOLDER NUMBER BUDGET."""
    from harness.errors import PenchantError

    folder, number = Path(sys.argv[1]), int(sys.argv[2])
    budget = float(sys.argv[3]) if sys.argv[3] else None
    frozen = read_frozen(folder)
    study = get_study(frozen.study)
    design = study.design(read_parameters(study, frozen.parameters))
    part = parts_of(design, frozen.processes)[number]
    try:
        logs = folder / "logs" / f"part-{number + 1}"
        run_cells(part, logs, study=study.name, advance=_tick, budget=budget)
    except PenchantError as error:
        print(f"penchant: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    _main()
