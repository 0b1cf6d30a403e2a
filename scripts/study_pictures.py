"""The picture of each study in `docs/`: the first figure of its rehearsal, at its small size.

`make pictures` draws those that have none yet, names draw again. A study without a picture has
none on its page; `tests/docs/` says which.
"""

import json
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

from harness.report.parts.style import Plot
from harness.stats.intervals import Bootstrap
from harness.studies.catalogue import NAMES, get_study
from harness.studies.parameters import read_parameters
from harness.studies.run import run_design
from harness.studies.running import read_run
from harness.studies.study import Given

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
MOST = 300_000
"""Bytes of a picture as SVG; a larger one is kept as PNG."""


def first_figure(name: str) -> Plot | None:
    """The first figure that the study's analysis of its own rehearsal draws; None without one."""
    study = get_study(name)
    parameters = read_parameters(study, {}, small=True, rehearse=True)
    with tempfile.TemporaryDirectory() as place:
        folder, design = Path(place), study.design(parameters)
        with study.ready(parameters, folder):
            if design.cells:
                run_design(design, folder / "logs", study=name)
        read = read_run(folder, design)
        bootstrap = Bootstrap(resamples=300)
        found = study.analyse(
            Given(read.frame, parameters, bootstrap, read.judgements, read.logs, (folder,))
        )
    return next((plot for section in found.sections for plot in section.plots), None)


def keep(name: str, plot: Plot) -> dict[str, Any]:
    """Write the picture; what the page says of it."""
    data, ending = (plot.svg, "svg") if len(plot.svg) <= MOST else (plot.png, "png")
    file = f"{name}.{ending}"
    (PICTURES / file).write_bytes(data)
    return {"file": file, "alt": plot.alt, "caption": plot.caption}


def main() -> None:
    """Draw what is missing, or what is named."""
    told = PICTURES / "captions.json"
    captions = json.loads(told.read_text()) if told.exists() else {}
    for name in sys.argv[1:] or [name for name in NAMES if name not in captions]:
        plot = first_figure(name)
        if plot is None:
            print(f"{name}: no figure")
            continue
        captions[name] = keep(name, plot)
        text = json.dumps(captions, indent=1, ensure_ascii=False, sort_keys=True)
        told.write_text(text + "\n")
        print(f"{name}: {captions[name]['file']}", textwrap.shorten(plot.alt, 60), flush=True)


if __name__ == "__main__":
    main()
