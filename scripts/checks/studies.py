"""Every named study rehearsed to its page, smaller than small: what runs, not what is found.

    python scripts/checks/studies.py                        all of them, seed 0
    python scripts/checks/studies.py framing --seeds 5      one, over other items each time
    python scripts/checks/studies.py framing --small        as `study run --rehearse --small` does

Over all of them at least nine in ten planted values must lie in their 95 % intervals.
"""

import argparse
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from harness.records.logs import read_records
from harness.stats.intervals import Bootstrap
from harness.studies.catalogue import NAMES, get_study
from harness.studies.folder import Frozen, freeze
from harness.studies.parameters import read_parameters
from harness.studies.parts import run_parts
from harness.studies.run import run_design
from harness.studies.running import read_run
from harness.studies.writing import Written, write_study

TINY: dict[str, Any] = {"per_origin": 6, "seeds": 2}
OWN: dict[str, dict[str, Any]] = {
    "steering-stated": {"per_origin": 8, "seeds": 1, "randoms": 3, "steered": ("measurement",),
                        "contexts": ("none",)},
    "steering-open-ended": {"per_origin": None, "seeds": 4, "randoms": 3, "layers": (),
                            "selectors": ("last",), "doses": (-0.15, 0.15)},
    "steering-norms": {"per_origin": None, "seeds": 1},
}  # fmt: skip
"""What of a study is smaller than `TINY` makes it: each steered cell asks a real model."""
LEAST = 0.9
TWICE = "sysprompt-3x3"


def rehearsed(name: str, folder: Path, seed: int, *, small: bool = False) -> Written:
    """Run one study at the tiny size or the small; `seed` draws its items, or what it has."""
    study = get_study(name)
    fewer = {key: value for key, value in study.small.items() if small or key not in TINY}
    if not small:
        fewer |= TINY | OWN.get(name, {})
    drawn = {"sample_seed": seed}
    if name == "steering-open-ended":
        # Its questions are the same each time, so its answers have to be others.
        drawn = {"completion_seed": 1000 * seed}
    parameters = read_parameters(study, fewer | drawn, rehearse=True)
    frozen = Frozen(study=name, parameters=msgspec.to_builtins(parameters), rehearsal=True)
    freeze(frozen, folder)
    design = study.design(parameters)
    with study.ready(parameters, folder):
        if design.cells:
            run_design(design, folder / "logs", study=name)
    return write_study(
        study,
        parameters,
        read_run(folder, design),
        folder / "report",
        rehearsal=True,
        day=date(2026, 1, 2),
        bootstrap=Bootstrap(seed=seed, resamples=300),
        places=(folder,),
    )


def in_two_processes(folder: Path) -> None:
    """One study in one process and in two: exit where the records differ."""
    study = get_study(TWICE)
    parameters = read_parameters(study, {"per_origin": 2, "seeds": 2}, rehearse=True)
    found = []
    for count in (1, 2):
        place = folder / str(count)
        frozen = Frozen(
            study=TWICE,
            parameters=msgspec.to_builtins(parameters),
            rehearsal=True,
            processes=count,
        )
        freeze(frozen, place)
        if count > 1:
            run_parts(study.design(parameters), place, study=TWICE, processes=count)
        else:
            run_design(study.design(parameters), place / "logs", study=TWICE)
        table = read_records([place / "logs"]).frame.drop("log", "latency")
        found.append(table.sort(table.columns))
    if not found[0].height or not found[0].equals(found[1]):
        sys.exit(f"studies: {TWICE} in two processes has other records than in one")
    print(f"studies: {TWICE}, {found[0].height} records, the same in one process and in two")


def main() -> None:
    """Rehearse each; exit where one writes no figure, no table, or too much lies outside."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=list(NAMES), help="studies (default: all)")
    parser.add_argument("--seeds", type=int, default=1, help="of each, seeds 0 … this − 1")
    parser.add_argument("--small", action="store_true", help="at the size of --small")
    given = parser.parse_args()
    known = inside = 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        for name in given.names:
            for seed in range(given.seeds):
                started = time.monotonic()
                written = rehearsed(name, Path(scratch) / f"{name}-{seed}", seed, small=given.small)
                figures = list((written.page.parent / "figures").glob("*.svg"))
                tables = list((written.page.parent / "tables").glob("*.csv"))
                if not figures or len(tables) < 2 or not written.sentences:
                    sys.exit(f"studies: {name} wrote {len(figures)} figures, {len(tables)} tables")
                known += written.planted
                inside += written.inside
                missed = f"; missed: {'; '.join(written.missed)}" if written.missed else ""
                drawn = f" seed {seed}," if given.seeds > 1 else ""
                print(
                    f"studies: {name}{drawn} {time.monotonic() - started:.0f} s, planted values "
                    f"inside {written.inside} of {written.planted}{missed}",
                    flush=True,
                )
        if TWICE in given.names:
            in_two_processes(Path(scratch) / "processes")
    if inside < LEAST * known:
        sys.exit(f"studies: {inside} of {known} planted values in their intervals")
    print(
        f"studies: {len(given.names)} rehearsed in {time.monotonic() - began:.0f} s; {inside} of "
        f"{known} planted values in their intervals"
    )


if __name__ == "__main__":
    main()
