"""The pages that are made of the code: a page an eval, a page a study. Written before each build.

An eval's page is what `penchant evals NAME` shows, a study's what `penchant study show NAME
--rehearse` shows, as tables, with its picture where `docs/pictures/` has one.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from evals.listing import Eval, Option, evals
from harness.studies.catalogue import NAMES, get_study
from harness.studies.forecast import study_forecast
from harness.studies.parameters import meanings, read_parameters
from harness.studies.running import forecast_lines
from harness.studies.study import Study

__all__ = ["without_picture", "write_pages"]

PICTURES = Path(__file__).resolve().parent / "pictures"


def write_pages(folder: Path) -> None:
    """Write `evals/` and `studies/` below the folder; what is unchanged keeps its time."""
    listed = evals()
    pages = {f"evals/{one.name}.md": _eval_page(one) for one in listed}
    pages["evals/index.md"] = _evals_index(listed)
    captions = _captions()
    studies = [get_study(name) for name in NAMES]
    pages |= {f"studies/{one.name}.md": _study_page(one, captions) for one in studies}
    pages["studies/index.md"] = _studies_index(studies)
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def without_picture() -> list[str]:
    """Studies whose page has no picture."""
    return [name for name in NAMES if name not in _captions()]


def _captions() -> dict[str, dict[str, str]]:
    told = PICTURES / "captions.json"
    found: dict[str, dict[str, str]] = json.loads(told.read_text(encoding="utf-8"))
    return {name: one for name, one in found.items() if (PICTURES / one["file"]).exists()}


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    cells = ([cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _tree(names: Iterable[str]) -> str:
    return "\n".join(["```{toctree}", ":hidden:", "", *names, "```"])


def _block(*lines: str) -> str:
    return "\n".join(["```", *lines, "```"])


def _evals_index(listed: Sequence[Eval]) -> str:
    rows = [(f"[{one.name}]({one.name}.md)", one.asks, f"`{one.address}`") for one in listed]
    return "\n\n".join(
        (
            "# Evals",
            "Each is an Inspect task. `penchant evals` prints this list, `penchant evals NAME` "
            "one page of it. `inspect eval FILE` runs every task of a file; `@` names one.",
            _table(("eval", "asks", "`inspect eval …`"), rows),
            _tree(one.name for one in listed),
            "",
        )
    )


def _eval_page(one: Eval) -> str:
    own = [option for option in one.options if option.own]
    rest = [option for option in one.options if not option.own]
    parts = [f"# {one.name}", one.asks, one.more]
    parts += ["```\n" + f"inspect eval {one.address} --model sim/faithful -T per_origin=2\n```"]
    if own:
        parts += ["## Its options", _options(own)]
    parts += ["## Options of every eval", _options(rest)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _options(options: Iterable[Option]) -> str:
    rows = [
        (f"`{one.name}`", one.allowed, f"`{one.default}`" if one.default else "–", one.meaning)
        for one in options
    ]
    return _table(("`-T` option", "value", "default", ""), rows)


def _studies_index(studies: Sequence[Study]) -> str:
    rows = [(f"[{one.name}]({one.name}.md)", one.question) for one in studies]
    return "\n\n".join(
        (
            "# Studies",
            "Each is one command from the design to the page. `--rehearse` runs it on simulated "
            "models, and shows what was planted beside what was measured; `--small` takes about "
            "two minutes.",
            _block(
                "penchant study list",
                "penchant study show validity --rehearse",
                "penchant study run validity --rehearse --small",
            ),
            "A run freezes its design in its folder and resumes when it is started again; with "
            "everything done it asks nothing.",
            _table(("study", "asks"), rows),
            _tree(one.name for one in studies),
            "",
        )
    )


def _study_page(study: Study, captions: dict[str, dict[str, str]]) -> str:
    parameters = read_parameters(study, {}, rehearse=True)
    design = study.design(parameters)
    forecast = study_forecast(design, seeds=parameters.seeds)
    factors = [(name, ", ".join(f"`{one}`" for one in of)) for name, of in design.factors.items()]
    told = [
        (f"`{name}`", _value(getattr(parameters, name)), meaning)
        for name, meaning in meanings(study.parameters).items()
    ]
    parts = [f"# {study.name}", study.question]
    if study.needs:
        parts.append(f"Needs {', '.join(study.needs)}.")
    parts.append(f"```\npenchant study run {study.name} --rehearse --small\n```")
    if study.name in captions:
        one = captions[study.name]
        parts += [
            f"```{{figure}} ../pictures/{one['file']}\n:alt: {one['alt']}\n\n{one['caption']} "
            "(A rehearsal on simulated models, small.)\n```"
        ]
    parts += [
        "## Design",
        "What is crossed, in a rehearsal at the default size:",
        _table(("factor", "levels"), factors),
        "Named beforehand:",
        "\n".join(f"* {contrast}" for contrast in design.primary),
        "```text\n" + "\n".join(forecast_lines(forecast)) + "\n```",
        "## Parameters",
        "As flags, or in a TOML file (`--config`); the values are those of a rehearsal.",
        _table(("parameter", "value", ""), told),
    ]
    return "\n\n".join(parts) + "\n"


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"`{one}`" for one in value) or "–"
    return "–" if value in (None, "") else f"`{value}`"
