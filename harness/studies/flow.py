"""A design as inspect-flow's specification, to run on more machines than this one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import UsageError
from harness.models.inspect_api import registered_name, registered_task
from harness.studies.models import read_model
from harness.studies.parts import parts_of
from harness.studies.run import AT_ONCE, cell_metadata
from harness.studies.study import DesignCell, StudyDesign

__all__ = ["export_flow", "flow_spec"]


def flow_spec(cells: Sequence[DesignCell], *, study: str, log_dir: str) -> dict[str, Any]:
    """The specification (`FlowSpec` of inspect-flow 0.14) that runs `cells` as `study run` does.

    Every task has its model, its completer and the metadata by which its log is read as a cell of
    the study. inspect-flow fills in what stands in braces, so those of a value are doubled.
    """
    return {
        "log_dir": log_dir,
        "execution_type": "inproc",
        "options": {
            "max_tasks": min(len(cells), AT_ONCE),
            "log_realtime": False,
            "log_model_api": False,
            "score_display": False,
        },
        "tasks": [_task(cell, study) for cell in cells],
    }


def export_flow(design: StudyDesign, folder: Path, *, study: str, machines: int = 1) -> list[Path]:
    """Write one specification a machine; the files. UsageError where they cannot be written.

    Cells that are asked about the same completions stay on one machine, so there may be fewer.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        parts = parts_of(design, machines)
        for number, part in enumerate(parts, start=1):
            name = f"{study}-{number}" if len(parts) > 1 else study
            path = folder / f"{name}.flow.yaml"
            # JSON is YAML, and needs no writer of that.
            spec = flow_spec(part, study=study, log_dir=f"logs/{name}")
            path.write_bytes(msgspec.json.format(msgspec.json.encode(spec), indent=2) + b"\n")
            written.append(path)
    except OSError as error:
        raise UsageError(f"cannot write to {str(folder)!r}: {error.strerror}") from None
    return written


def _task(cell: DesignCell, study: str) -> dict[str, Any]:
    task = registered_task(cell.task, **cell.options)
    told: dict[str, Any] = {
        "factory": registered_name(cell.task),
        "args": cell.options,
        "model": _model(cell.rater),
        "model_roles": {
            role: _model(model)
            for role, model in (("completer", cell.completer), ("judge", cell.judge))
            if model is not None
        },
        "metadata": cell_metadata(task.metadata or {}, cell, study),
    }
    doubled: dict[str, Any] = _doubled(msgspec.to_builtins(told))
    return doubled


def _model(text: str) -> dict[str, Any]:
    spec = read_model(text)
    settings = spec.config.model_dump(exclude_none=True, mode="json")
    found: dict[str, Any] = {"name": spec.name}
    if settings:
        found["config"] = settings
    if spec.arguments:
        found["model_args"] = spec.arguments
    return found


def _doubled(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("{", "{{").replace("}", "}}")
    if isinstance(value, dict):
        return {name: _doubled(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_doubled(part) for part in value]
    return value
