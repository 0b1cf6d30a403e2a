"""`penchant templates`."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.cli.templates import template_toml
from harness.errors import UsageError
from harness.prompts.catalogue import TEMPLATES
from harness.prompts.conditions import CONDITIONS
from harness.prompts.contexts import CONTEXTS
from harness.prompts.toml import read_template


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["templates", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_list_names_every_template() -> None:
    """Each built-in template has its line, with the hash that records carry."""
    lines = run("list").splitlines()
    assert [line.split()[0] for line in lines] == list(TEMPLATES)
    assert [line.split()[-1] for line in lines] == [
        known.asked_hash(known.timings[0]) for known in TEMPLATES.values()
    ]
    assert len(run("list", "--kind", "choice").splitlines()) == 7


def test_show_is_the_question_as_asked() -> None:
    """The shown text ends with the answer instruction for the wanted format and labels."""
    shown = run("show", "enjoy_most", "--response", "reasoned", "--labels", "Task A,Task B")
    assert shown.endswith("Allowed labels: Task A, Task B\n")
    assert "{first}" not in shown
    assert "lemon = 0" in run("show", "fruit_rating_bare")
    assert '"enum"' in run("show", "stated_1_5", "--response", "tool")


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_toml_form_reads_back(name: str, tmp_path: Path) -> None:
    """What `--toml` prints is the same template, hash included."""
    path = tmp_path / "own.toml"
    path.write_text(template_toml(TEMPLATES[name]), encoding="utf-8")
    assert read_template(path).hash == TEMPLATES[name].hash


def test_sysprompts_shows_every_text() -> None:
    """Each named system prompt is listed."""
    shown = run("sysprompts")
    assert [name for name in CONDITIONS if f" {name}\n" not in shown] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "nonesuch"),
        ("show", "stated_1_5", "--response", "xlm"),
        ("show", "do_again", "--timing", "pre"),
        ("show", "do_again", "--labels", "A,a"),
        ("show", "nowhere.toml"),
    ],
)
def test_bad_input_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    """A bad name, format, timing, label or file is one line for a person."""
    with pytest.raises(UsageError) as caught:
        run(*arguments)
    assert "\n" not in str(caught.value)


def test_wordings_and_contexts_listed() -> None:
    """`wordings` lists a template's own question and its paraphrases, `contexts` all contexts."""
    done = CliRunner().invoke(cli, ["templates", "wordings", "enjoy_most", "--timing", "pre"])
    assert done.exit_code == 0
    assert [line.partition("@")[0] for line in done.output.split("\n") if "@" in line] == [
        "own",
        *(f"p{k}" for k in range(1, 9)),
    ]
    listed = CliRunner().invoke(cli, ["templates", "contexts"])
    assert listed.output.count("@") == len(CONTEXTS)
