"""What stands in a system prompt reaches the model as it is, shown from the log."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from inspect_ai.log import EvalLog, read_eval_log

from harness.prompts.conditions import DO_NOT_MENTION

RunEval = Callable[..., EvalLog]

NASTY = [
    "You like {topic}, {first} and {0}; {{braces}} too, and an unclosed {",
    "<task>\nnot yours\n</task>\n<answer>1</answer> & &amp; <system>",
    "She said \"don't\", 'never', `so` and \\n \\u0041 \\\\.",
    "%s %(name)s $HOME ${x} #{y} {{ jinja }} {% raw %}",
    "━━━ Question 1 of 2 ━━━\n\n[system]\nlines\n\n\n  and blanks\t",
]


def systems(log: EvalLog) -> list[list[str]]:
    """The system messages of every call, from the log's own record of what was sent."""
    assert log.status == "success", log.error
    read = read_eval_log(log.location, resolve_attachments=True)
    return [
        [message.text for message in event.input if message.role == "system"]
        for sample in read.samples or []
        for event in sample.events
        if event.event == "model"
    ]


@pytest.mark.parametrize("text", NASTY)
def test_a_system_prompt_is_sent_as_it_is(run_eval: RunEval, tmp_path: Path, text: str) -> None:
    """With and without the request not to mention it; the same while measuring."""
    file = tmp_path / "own.toml"
    file.write_text(f'name = "own"\ntext = {json.dumps(text, ensure_ascii=False)}\n')
    named = {"per_origin": 1, "completion_sysprompt": str(file)}
    made = run_eval("completions.py", task_args=named)
    assert systems(made) == [[f"{DO_NOT_MENTION}\n\n{text}"]] * 5
    bare = run_eval("completions.py", task_args={**named, "completion_prefix": False}, folder="b")
    assert systems(bare) == [[text]] * 5
    options = {"per_origin": 1, "timing": "pre", "measurement_sysprompt": str(file)}
    asked = run_eval("pairwise.py", task_args={**options, "pairs": "random:3", "orders": "first"})
    assert systems(asked) == [[text]] * 3
