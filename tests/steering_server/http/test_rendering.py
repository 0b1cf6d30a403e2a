"""How conversations are rendered: options of the template, system prompts, thoughts."""

from collections.abc import Iterator
from typing import Any

import pytest

from harness.errors import UsageError
from harness.wire import Message
from steering_server.model import tiny
from steering_server.model.conversation import render
from steering_server.model.models import Loaded, describe, load
from steering_server.model.requests import ApiError
from tests.steering_server.conftest import serving, wait_ready

QWEN = (
    "{% for m in messages %}<s>{{ m['role'] }}\n{{ m['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n"
    "{% endif %}{% endif %}"
)
GEMMA = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for m in messages %}<s>{{ m['role'] }}\n{{ m['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>model\n{% endif %}"
)


def loaded(template: str, **options: Any) -> Loaded:
    model, tokenizer = tiny.build("llama")
    tokenizer.chat_template = template
    return describe(model, tokenizer, name="tiny", **options)


@pytest.fixture(scope="module")
def thinking() -> Iterator[Any]:
    """A server whose template has Qwen's switch."""
    with serving(lambda: loaded(QWEN), threads=1) as client:
        wait_ready(client)
        yield client


def test_options_reach_the_template_and_are_told(thinking: Any) -> None:
    """Off adds the empty thought to the prompt; the reply says what was rendered."""
    prompts = {}
    for value in (None, True, False):
        fields = {} if value is None else {"chat_template_kwargs": {"enable_thinking": value}}
        reply = thinking.chat(**fields).json()
        prompts[value] = reply["usage"]["prompt_tokens"]
        told = reply["steering"]["chat_template_kwargs"]
        assert told == ({} if value is None else {"enable_thinking": value})
    assert prompts[None] == prompts[True] == prompts[False] - len("<think>\n\n</think>\n\n")


@pytest.mark.parametrize("name", ["thinking", "messages", "add_generation_prompt", "enable"])
def test_an_option_that_the_template_does_not_read_is_refused(thinking: Any, name: str) -> None:
    """It would be told as applied and do nothing."""
    refused = thinking.chat(chat_template_kwargs={name: True})
    assert refused.status_code == 400
    assert f"chat_template_kwargs.{name}" in refused.json()["error"]["message"]


def test_choices_are_read_after_an_empty_thought_and_say_so(thinking: Any, client: Any) -> None:
    """With the switch on, off or not told: the same prompt, the same probabilities."""
    tables, thoughts = [], []
    for value in (None, True, False):
        fields = {} if value is None else {"chat_template_kwargs": {"enable_thinking": value}}
        told = thinking.chat(steering={"choices": ["A", "B"]}, **fields).json()["steering"]
        tables.append(told["choices"])
        thoughts.append(told["thought"])
    assert tables[0] == tables[1] == tables[2]
    assert thoughts == ["<think>\n\n</think>\n\n", "<think>\n\n</think>\n\n", ""]
    plain = client.chat(steering={"choices": ["A", "B"]}).json()["steering"]
    assert plain["thought"] == ""


def test_thoughts_are_not_content(thinking: Any) -> None:
    """A prefill that has opened a thought: what follows is reasoning, streamed or not."""
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "<think>"}]
    message = thinking.chat(messages=turns).json()["choices"][0]["message"]
    assert message["content"] == "" and message["reasoning_content"]


def test_choices_after_a_prefill_go_on_from_it(thinking: Any, client: Any) -> None:
    """No thought is put behind an answer that is begun: as a template without thoughts has it."""
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "It is "}]
    fields = {"messages": turns, "steering": {"choices": ["A", "B"]}}
    told = [one.chat(**fields).json() for one in (thinking, client)]
    assert [one["steering"]["thought"] for one in told] == ["", ""]
    assert told[0]["steering"]["choices"] == told[1]["steering"]["choices"]
    assert told[0]["usage"]["prompt_tokens"] == told[1]["usage"]["prompt_tokens"]


TURN = "<s>{{ m['role'] }}\n{{ m['content'] | trim }}</s>\n"
DROPPING = {
    "never shown": "{% if m['role'] != 'system' %}" + TURN + "{% endif %}",
    "shown in long conversations": (
        "{% if m['role'] != 'system' or messages | length > 2 %}" + TURN + "{% endif %}"
    ),
    "cut": "<s>{{ m['role'] }}\n{{ m['content'][:12] }}</s>\n",
    "roles must alternate": (
        "{% if m['role'] not in ('user', 'assistant') %}"
        "{{ raise_exception('Conversation roles must alternate user/assistant/…') }}{% endif %}"
        + TURN
    ),
}


@pytest.mark.parametrize("how", DROPPING)
def test_a_template_that_drops_a_system_prompt_is_not_asked_silently(how: str) -> None:
    """Two system prompts would give the same tokens; the error names the way out."""
    template = "{% for m in messages %}" + DROPPING[how] + "{% endfor %}<s>assistant\n"
    prompts = ("You love mathematics above all.", "You hate mathematics with a passion.")
    turns = [[Message("system", one), Message("user", " Hi ")] for one in prompts]
    own = loaded(template)
    for one in turns:
        with pytest.raises(ApiError, match="--system-as user") as refusal:
            render(own.tokenizer, one, own.style)
        assert refusal.value.status == 400
    if how != "cut":
        placed = loaded(template, system_as="user")
        one, other = (render(placed.tokenizer, both, placed.style).tokens for both in turns)
        assert one != other


def test_a_template_without_system_role_says_so_or_takes_it_as_user() -> None:
    """One line that names the way out; as user, two system prompts are two prompts."""
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    with serving(lambda: loaded(GEMMA), threads=1) as client:
        wait_ready(client)
        assert client.http.get("/v1/models").json()["data"][0]["system"] is False
        refused = client.chat(messages=turns)
        assert refused.status_code == 400
        assert "--system-as user" in refused.json()["error"]["message"]
    with serving(lambda: loaded(GEMMA, system_as="user"), threads=1) as client:
        wait_ready(client)
        reply = client.chat(messages=turns).json()
        merged = client.chat("Be brief.\n\nHi").json()
        assert reply["steering"]["system_as"] == "user"
        assert reply["choices"] == merged["choices"] and reply["usage"] == merged["usage"]


def test_extraction_says_before_any_completion_that_a_system_prompt_has_no_place(
    tmp_path: Any,
) -> None:
    """One line, no traceback, nothing completed; with --system-as user it goes through."""
    from click.testing import CliRunner

    from steering_server.cli import cli

    template = tmp_path / "gemma.jinja"
    template.write_text(GEMMA)
    options = ["extract", "--model", "tiny:llama", "--chat-template", str(template)]
    options += ["--positive", "loves_math", "--negative", "hates_math", "--items", "builtin:math"]
    options += ["--per-origin", "2", "--completion-tokens", "3"]
    output = tmp_path / "v.safetensors"
    refused = CliRunner().invoke(cli, [*options, "-o", str(output)])
    assert isinstance(refused.exception, UsageError)
    assert "--system-as user" in str(refused.exception)
    done = CliRunner().invoke(cli, [*options, "--system-as", "user", "-o", str(output)])
    assert done.exit_code == 0 and output.exists(), done.output


def test_of_several_templates_the_default_is_taken() -> None:
    """Without a default, the error names those there are."""
    model, tokenizer = tiny.build("llama")
    plain = tokenizer.chat_template
    tokenizer.chat_template = {"rag": "x", "default": plain}
    assert describe(model, tokenizer, name="m").template == load("tiny:llama").template
    tokenizer.chat_template = {"rag": "x"}
    with pytest.raises(UsageError, match=r"rag.*--chat-template"):
        describe(model, tokenizer, name="m")


def test_the_log_probability_of_the_token_that_ends_the_turn_is_told() -> None:
    """A reply that is over at once has one entry, not none."""
    import torch

    def ending() -> Loaded:
        made = loaded(tiny.tokenizer().chat_template)
        with torch.no_grad():
            made.model.lm_head.weight[257] = 0
            made.model.lm_head.weight[:257] *= 1e-6
            made.model.lm_head.weight[258:] *= 1e-6
            made.model.lm_head.bias = torch.nn.Parameter(torch.zeros(320))
            made.model.lm_head.bias[257] = 5.0
        return made

    with serving(ending, threads=1) as client:
        wait_ready(client)
        reply = client.chat(logprobs=True, top_logprobs=2).json()
        entries = reply["choices"][0]["logprobs"]["content"]
        assert reply["choices"][0]["finish_reason"] == "stop"
        assert len(entries) == 1 and entries[0]["token"] == "</s>"
