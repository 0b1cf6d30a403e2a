"""Bad options end a run before any call, in one line."""

from pathlib import Path
from typing import Any

import pytest

from evals.building import choice_task, completion_task, rating_task
from harness.models.inspect_api import PrerequisiteError

DUPLICATE = """
name = "mine"
version = 1
kind = "rating"
levels = [{label = "1", value = 1}, {label = "1", value = 2}]
[questions]
post = "How was it?"
"""
NO_PLACEHOLDER = """
name = "mine"
version = 1
kind = "choice"
[questions]
post = "Which one?"
"""


@pytest.mark.parametrize(
    ("template", "given", "said"),
    [
        ("simple_preference", {"ordes": "both"}, "unknown option 'ordes' of pairwise; did you"),
        ("enjoymost", {}, "unknown template 'enjoymost'; did you mean 'enjoy_most'?"),
        ("simple_preference", {"items": "nowhere.jsonl"}, "items 'nowhere.jsonl': no file at"),
        ("simple_preference", {"items": "EMPTY"}, "is empty"),
        ("simple_preference", {"pairs": "PAIRS"}, "line 2: unknown item 'nobody'; this run has"),
        ("simple_preference", {"pairs": "some"}, "pairs='some' of pairwise; expected regular:D"),
        ("simple_preference", {"pairs": "random:999999"}, "items have only 24090 pairs"),
        ("simple_preference", {"block": 0}, "block=0 of pairwise; expected at least 1"),
        ("simple_preference", {"timing": "before"}, "timing='before' of pairwise; expected 'post'"),
        ("prefer_completing", {"timing": "pre"}, "timing 'pre' is not allowed for template"),
        ("simple_preference", {"labels": "A,a"}, "labels: 'A' and 'a' cannot be told apart"),
        ("simple_preference", {"readout": "logprobs", "labels": "Task A,Task B"}, "begin alike"),
        ("simple_preference", {"readout": "logprobs", "seeds": 2}, "seeds=2 with readout=logprobs"),
        ("simple_preference", {"measurement_thinking": "much"}, "measurement_thinking='much'"),
        ("simple_preference", {"price": "cheap"}, "price='cheap'; expected IN,OUT"),
        ("simple_preference", {"measurement_sysprompt": "joy"}, "unknown system prompt 'joy'"),
        ("simple_preference", {"completions": "gone.eval"}, "looked for"),
        ("simple_preference", {"completions": "NOLOG"}, "is not an Inspect log"),
        ("PLACEHOLDER", {}, "lacks the placeholder {first}"),
        ("anchored_1_5", {}, "anchored_1_5"),
    ],
)
def test_a_bad_pairwise_option_is_one_line(
    tmp_path: Path, template: str, given: dict[str, Any], said: str
) -> None:
    """Value, what was allowed and where it stood, in one line of the kind Inspect shows bare."""
    files = {
        "EMPTY": ("empty.jsonl", ""),
        "PAIRS": ("pairs.csv", "first,second\nmath_001,nobody\n"),
        "NOLOG": ("x.eval", "no log"),
        "PLACEHOLDER": ("mine.toml", NO_PLACEHOLDER),
    }
    for name, content in files.values():
        (tmp_path / name).write_text(content)
    paths = {mark: str(tmp_path / name) for mark, (name, _) in files.items()}
    given = {key: paths.get(str(value), value) for key, value in given.items()}
    with pytest.raises(PrerequisiteError) as raised:
        choice_task(paths.get(template, template), given, task="pairwise")
    message = str(raised.value.message)
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("template", "given", "said"),
    [
        ("TOML", {}, "levels: '1' and '1' cannot be told apart"),
        ("random_scale_27_32", {"readout": "logprobs"}, "label '27' may come in several tokens"),
        ("anchored_1_5", {"pairs": "all"}, "unknown option 'pairs' of rating"),
        ("anchored_1_5", {"timing": "pre"}, "timing 'pre' is not allowed for template"),
        ("simple_preference", {}, "simple_preference"),
    ],
)
def test_a_bad_rating_option_is_one_line(
    tmp_path: Path, template: str, given: dict[str, Any], said: str
) -> None:
    """As for choices."""
    (tmp_path / "mine.toml").write_text(DUPLICATE)
    with pytest.raises(PrerequisiteError) as raised:
        rating_task(template.replace("TOML", str(tmp_path / "mine.toml")), given, task="rating")
    assert said in str(raised.value.message)
    assert "\n" not in str(raised.value.message)


def test_completions_take_no_completions() -> None:
    """evals/completions.py refuses to be given what it makes."""
    with pytest.raises(PrerequisiteError, match="it makes them itself"):
        completion_task({"completions": "some.eval"}, task="completions")


def test_a_log_that_lacks_an_item_is_refused(run_eval: Any) -> None:
    """completions=LOG without one of the items names the items that are missing."""
    made = run_eval("completions.py", task_args={"per_origin": 2})
    with pytest.raises(PrerequisiteError) as raised:
        given = {"per_origin": 3, "completions": str(made.location)}
        rating_task("anchored_1_5", given, task="anchored_1_5")
    message = str(raised.value.message)
    assert "has no completion of" in message
    assert "(5 of 15 items)" in message


def test_a_log_under_another_system_prompt_is_refused(run_eval: Any) -> None:
    """completions=LOG made under another condition than the run names is refused."""
    args = {"per_origin": 1, "completion_sysprompt": "loves_math"}
    made = run_eval("completions.py", task_args=args)
    with pytest.raises(PrerequisiteError, match="completed under completion_sysprompt loves_math"):
        given = {"per_origin": 1, "completions": str(made.location)}
        rating_task("anchored_1_5", given, task="anchored_1_5")
