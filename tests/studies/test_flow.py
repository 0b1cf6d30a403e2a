"""A design as inspect-flow's specification."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from inspect_ai.model import GenerateConfig

from harness.cli.main import cli
from harness.models.inspect_api import registered_name, registered_task
from harness.studies.catalogue import NAMES, get_study
from harness.studies.flow import flow_spec
from harness.studies.parameters import meanings, read_parameters

GIVEN: dict[str, Any] = {
    "per_origin": 2,
    "seeds": 2,
    "raters": ("sim/noisy(rating_noise=0.8, temperature=.7)",),
}


def spec(**given: Any) -> dict[str, Any]:
    study = get_study("sysprompt-3x3")
    design = study.design(read_parameters(study, GIVEN | given, rehearse=True))
    return flow_spec(design.cells, study=study.name, log_dir="logs/x")


def test_each_task_has_its_model_completer_options_and_cell() -> None:
    """Settings of generation and arguments of the model stand apart; the log will say its cell."""
    tasks = spec()["tasks"]
    assert len(tasks) == 9
    first = tasks[0]
    assert first["model"] == {
        "name": "sim/noisy",
        "config": {"temperature": 0.7},
        "model_args": {"rating_noise": 0.8},
    }
    assert first["model_roles"]["completer"]["name"] == "sim/faithful@writer"
    assert first["args"]["seeds"] == 2
    assert len({json.dumps(one["args"], sort_keys=True) for one in tasks}) == 9
    told = first["metadata"]
    assert told["study"] == "sysprompt-3x3"
    assert told["levels"]["rater"] == GIVEN["raters"][0]
    assert told["ingredients"]


def test_braces_of_a_value_are_no_placeholders(tmp_path: Path) -> None:
    """inspect-flow fills in what stands in braces, so a path that has some keeps them by two."""
    path = tmp_path / "{odd}.jsonl"
    path.write_text('{"id": "a", "text": "Add 2 and 3.", "origin": "math"}\n')
    found = spec(items=str(path), per_origin=None)["tasks"][0]["args"]["items"]
    assert found == str(path).replace("{odd}", "{{odd}}")
    assert found.format_map({}) == str(path)


def test_inspect_flow_takes_it(tmp_path: Path) -> None:
    """The specification passes inspect-flow's own types, where that is installed."""
    flow_types = pytest.importorskip("inspect_flow", reason="inspect-flow is not installed")
    flow_types.FlowSpec.model_validate(spec())


def test_inspect_flow_would_run_every_cell(tmp_path: Path) -> None:
    """A dry run of inspect-flow finds every task of the design and nothing to object to."""
    pytest.importorskip("inspect_flow", reason="inspect-flow is not installed")
    arguments = ["study", "export", "sysprompt-3x3", "--rehearse", "--per-origin", "2", "--flow"]
    CliRunner().invoke(cli, [*arguments, "-o", str(tmp_path)], catch_exceptions=False)
    (file,) = tmp_path.glob("*.flow.yaml")
    binaries = Path(sys.executable).parent
    environment = {**os.environ, "PATH": os.pathsep.join([str(binaries), os.environ["PATH"]])}
    done = subprocess.run(
        [binaries / "flow", "run", file, "--dry-run", "--store", tmp_path / "store"],
        capture_output=True, text=True, cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Running 9 tasks" in done.stdout + done.stderr


SPEC = {"log_dir": str, "execution_type": str, "options": dict, "tasks": list}
OPTIONS = {"max_tasks": int, "log_realtime": bool, "log_model_api": bool, "score_display": bool}
TASK = {"factory": str, "args": dict, "model": dict, "model_roles": dict, "metadata": dict}
MODEL = {"name": str, "config": dict, "model_args": dict}
"""The fields of inspect-flow 0.14 that we write, and their kinds: it forbids any other name."""


def check(given: dict[str, Any], known: dict[str, type]) -> None:
    for name, value in given.items():
        assert name in known, name
        assert isinstance(value, known[name]), name


def filled_in(value: Any) -> Any:
    """As inspect-flow reads text: what stands in braces is filled in, double ones are single."""
    if isinstance(value, str):
        return value.format_map({})
    if isinstance(value, dict):
        return {name: filled_in(part) for name, part in value.items()}
    return [filled_in(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", NAMES)
def test_every_study_keeps_to_the_documented_fields(name: str) -> None:
    """Without that package: names and kinds are those that it documents, generation settings are
    Inspect's, a factory is a registered task that takes the arguments, roles are known."""
    study = get_study(name)
    given = {"per_origin": 2} | (
        {"judge": "sim/judge"} if "judge" in meanings(study.parameters) else {}
    )
    design = study.design(read_parameters(study, given, small=True, rehearse=True))
    cells = design.cells[:4]
    written = json.loads(json.dumps(flow_spec(cells, study=name, log_dir="logs/x")))
    check(written, SPEC)
    check(written["options"], OPTIONS)
    assert written["execution_type"] in ("inproc", "venv")
    for cell, task in zip(cells, filled_in(written["tasks"]), strict=True):
        check(task, TASK)
        assert set(task["model_roles"]) <= {"completer", "judge"}
        for model in (task["model"], *task["model_roles"].values()):
            check(model, MODEL)
            assert set(model.get("config", {})) <= set(GenerateConfig.model_fields)
            GenerateConfig.model_validate(model.get("config", {}))
        assert task["factory"] == registered_name(cell.task)
        assert registered_task(cell.task, **task["args"]).dataset
        assert task["args"] == json.loads(json.dumps(cell.options))


def test_one_file_a_machine(tmp_path: Path) -> None:
    """Together the files hold every cell once, each in a folder of logs of its own."""
    arguments = ["study", "export", "sysprompt-3x3", "--rehearse", "--per-origin", "2", "--flow"]
    folder = ["-o", str(tmp_path), "--machines", "2"]
    result = CliRunner().invoke(cli, [*arguments, *folder], catch_exceptions=False)
    paths = [Path(line) for line in result.output.split()]
    found = [json.loads(path.read_bytes()) for path in paths]
    assert [path.name for path in paths] == [f"sysprompt-3x3-{n}.flow.yaml" for n in (1, 2)]
    assert len({one["log_dir"] for one in found}) == 2
    cells = [task["metadata"]["cell"] for one in found for task in one["tasks"]]
    assert len(set(cells)) == len(cells) == 9
    refused = CliRunner().invoke(cli, arguments[:-1])
    assert "expected --flow" in str(refused.exception)
