"""A design as inspect-flow's specification."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.studies.catalogue import get_study
from harness.studies.flow import flow_spec
from harness.studies.parameters import read_parameters

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
