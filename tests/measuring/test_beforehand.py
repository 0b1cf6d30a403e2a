"""What a run says before it asks, and of odd replies when it ends."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog
from inspect_ai.model import GenerateConfig, get_model
from inspect_ai.model._model import init_model_roles

from harness.measuring.beforehand import warnings_of
from harness.measuring.tallies.oddities import Oddities
from harness.models.upstreams import at_router, pinned, unpinned
from harness.wire import Reply

RunEval = Callable[..., EvalLog]
ROUTER = "https://openrouter.ai/api/v1"


@pytest.mark.parametrize(
    ("routing", "is_pinned"),
    [
        ({"order": ["deepinfra"], "allow_fallbacks": False}, True),
        ({"only": ["deepinfra"]}, True),
        ({"order": ["deepinfra"]}, False),
        ({"order": ["deepinfra"], "allow_fallbacks": True}, False),
        ({"allow_fallbacks": False}, False),
        ({"sort": "price"}, False),
        ({}, False),
        (None, False),
        ("deepinfra", False),
    ],
)
def test_a_pinned_router_names_who_answers_and_nobody_else(routing: Any, is_pinned: bool) -> None:
    """An order with fallbacks is a wish, not a pin."""
    assert pinned(routing) == is_pinned
    args = {} if routing is None or isinstance(routing, str) else {"provider": routing}
    model = get_model("openrouter/a/b", api_key="k", memoize=False, **args)
    extra = GenerateConfig(extra_body={"provider": routing})
    assert unpinned(model, GenerateConfig()) == ([] if is_pinned else ["openrouter/a/b"])
    plain = get_model("openrouter/a/b", api_key="k", memoize=False)
    assert unpinned(plain, extra) == ([] if is_pinned else ["openrouter/a/b"])


@pytest.mark.parametrize(
    ("name", "url", "routed"),
    [
        ("openrouter/a/b", None, True),
        ("openai-api/openrouter/a/b", None, True),
        ("openai-api/other/m", ROUTER, True),
        ("", "https://eu.openrouter.ai/v1", True),
        ("openai-api/other/m", "https://notopenrouter.ai/v1", False),
        ("openai-api/other/m", "https://proxy.example/openrouter.ai/v1", False),
        ("anthropic/openrouter", None, False),
        ("openai-api/other/m", "http://[", False),
    ],
)
def test_a_router_is_known_by_name_or_host(name: str, url: str | None, routed: bool) -> None:
    """Not by a word somewhere in a path."""
    assert at_router(name, url) == routed


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ((f'url = "{ROUTER}"', 'model = "a/b"'), 1),
        ((f'url = "{ROUTER}"', 'model = "a/b"', 'backends = ["deepinfra"]'), 0),
        ((f'url = "{ROUTER}"', 'model = "a/b"', 'extra_body.provider.only = ["x"]'), 0),
        (('inspect_model = "openrouter/a/b"',), 1),
        (('url = "https://api.example/v1"', 'model = "a/b"'), 0),
    ],
)
def test_a_pool_names_its_endpoints_without_a_backend(
    lines: tuple[str, ...], found: int, tmp_path: Path
) -> None:
    """By `backends`, or by the router's own member."""
    file = tmp_path / "pools.toml"
    file.write_text("\n".join(["[x]", "[[x.endpoints]]", 'name = "e"', *lines]), "utf-8")
    model = get_model("pool/x", file=str(file), memoize=False)
    assert unpinned(model, GenerateConfig()) == ["endpoint e of pool/x"] * found


def test_cache_is_said_to_do_nothing(run_eval: RunEval, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line before the run; none without the option."""
    lines: list[str] = []
    monkeypatch.setattr("harness.measuring.hooks.say", lines.append)
    task = "anchored.py@anchored_1_5"
    run_eval(task, task_args={"per_origin": 1}, cache=True)
    assert sum("--cache has no effect" in line for line in lines) == 1
    lines.clear()
    run_eval(task, task_args={"per_origin": 1})
    assert not any("--cache" in line for line in lines)


def test_odd_replies_are_counted_and_said_once() -> None:
    """Endings by their name, usages together; nothing where nothing was odd."""
    odd = Oddities()
    assert odd.lines() == []
    odd.count(Reply(text="4"))
    for name in ("weird", "weird", "odd"):
        odd.count(Reply(text="4", stop="unknown", finish=name))
    odd.count(Reply(text="4", usage_known=False))
    endings, usages = odd.lines()
    assert "3 replies" in endings
    assert "'weird' 2, 'odd' 1" in endings
    assert "1 reply reported numbers of tokens that cannot be" in usages


def test_an_unpinned_router_is_named_with_the_way_to_pin_it() -> None:
    """One line before the run for a model that routes, none for one that is pinned."""
    loose = get_model("openrouter/a/b", api_key="k", memoize=False)
    [line] = warnings_of(loose)
    assert line.startswith("openrouter/a/b: OpenRouter answers from whichever back end")
    assert "-M provider='{only: [NAME]}'" in line
    pinned_one = get_model("openrouter/a/b", api_key="k", memoize=False, provider={"only": ["x"]})
    assert list(warnings_of(pinned_one)) == []
    init_model_roles({"judge": loose, "both": [pinned_one, loose]})
    try:
        [line] = warnings_of(pinned_one)
    finally:
        init_model_roles({})
    assert line.startswith("openrouter/a/b: ")
