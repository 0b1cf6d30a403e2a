"""A reply in the form that was asked for: label alone, tag, tool call, reasoning and tag."""

import json

from harness.respondent.draws import pick
from harness.respondent.phrases import BROKEN, reasoning_text
from harness.respondent.reading import Form
from harness.wire import Reply, StopReason

__all__ = ["answered", "broken", "declined"]


def answered(label: str, form: Form, *, uniform: float, tools: bool, then: str = "") -> Reply:
    """A usable answer. `then` is the completion that follows it where one was asked for."""
    tail = f"\n\n{then}" if then else ""
    if form.response == "tool":
        return _tool_call(label, text=then) if tools else Reply(text=label)
    if form.response == "xml":
        return Reply(text=f"<answer>{label}</answer>{tail}")
    if form.response == "reasoned":
        return Reply(text=f"{reasoning_text(uniform)}\n\n<answer>{label}</answer>{tail}")
    return Reply(text=f"{label}{tail}")


def declined(phrases: tuple[str, ...], form: Form, *, uniform: float) -> Reply:
    """A refusal or a disclaimer: text, whatever form was asked for."""
    label = form.labels[int(uniform * 7919) % len(form.labels)]
    return Reply(text=pick(phrases, uniform).replace("{label}", label))


def broken(form: Form, *, uniform: float, tools: bool) -> Reply:
    """An answer that cannot be used: no label, half an answer, two labels, a broken tool call."""
    low, high = form.labels[0], form.labels[-1]
    half: list[tuple[str, StopReason]] = [(text, "stop") for text in BROKEN]
    half[1] = (BROKEN[1], "max_tokens")
    if form.response in ("xml", "reasoned"):
        half += [
            (f"{reasoning_text(uniform)}\n\n<answer>", "max_tokens"),
            (f"<answer>{low} or {high}</answer>", "stop"),
            ("<answer></answer>", "stop"),
        ]
    elif form.response == "tool" and tools:
        index = int(uniform * 3)
        arguments = ('{"answer": "', '{"answer": "neither of these"}', "{}")[index]
        return Reply(tool_arguments=arguments, stop="max_tokens" if index == 0 else "tool_calls")
    else:
        half.append((f"It lies somewhere between {low} and {high}.", "stop"))
    text, stop = half[int(uniform * len(half))]
    return Reply(text=text, stop=stop)


def _tool_call(label: str, *, text: str) -> Reply:
    arguments = json.dumps({"answer": label}, ensure_ascii=False)
    return Reply(text=text, tool_arguments=arguments, stop="tool_calls")
