"""Structs that cross a process or provider boundary: questions, replies, steering.

Nothing here imports Inspect, torch or numpy, so the steering server, the simulated HTTP server
and the providers share one definition.
"""

from typing import Literal, get_args

import msgspec

__all__ = [
    "CONTROL_KINDS",
    "FORMAT_VERSION",
    "Capture",
    "ControlKind",
    "Controls",
    "Message",
    "Operation",
    "Positions",
    "Question",
    "Reply",
    "Role",
    "Span",
    "Steering",
    "SteeringVector",
    "StopReason",
    "TokenLogprob",
    "Where",
]

FORMAT_VERSION = 1
"""Version of records, journal lines and vector files; raised when their meaning changes."""

Role = Literal["system", "user", "assistant"]
StopReason = Literal["stop", "max_tokens", "content_filter", "tool_calls", "unknown"]


class Message(msgspec.Struct, frozen=True, array_like=False):
    """One turn of a conversation."""

    role: Role
    content: str


class TokenLogprob(msgspec.Struct, frozen=True):
    """An alternative for one token position; `logprob` is a natural logarithm."""

    token: str
    logprob: float


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to ask a model: a whole conversation that ends in a user turn.

    `seed` is the generation seed, None where none is wanted. `choices` asks a provider that can
    (the steering server) for the exact probability of each of these answers. `spans` says by name
    where texts stand in the messages (`item_first`, `completion`, …), for what acts on them alone.
    """

    messages: tuple[Message, ...]
    seed: int | None = None
    choices: tuple[str, ...] | None = None
    spans: "dict[str, tuple[Span, ...]] | None" = None


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came back for one question, before any parsing.

    `text` is the answer without reasoning; `reasoning` the model's own thinking, never parsed as
    the answer. `tool_arguments` is the JSON text of the first tool call's arguments.
    `top_logprobs` are the alternatives for the first token of the answer, best first; `choices`
    the exact probability of each allowed answer (sums to the label mass, not to 1).
    `latency` is in seconds, `cost` in US dollars. `finish` is the server's own finish reason where
    it is not one that is known here (`stop` is then unknown), `detail` its own words on why it did
    not answer, where a content filter stopped it. `usage_known` is False where the usage that came
    is not possible: the token counts are then 0. `error` is set when there was no usable reply:
    then every other field but latency, endpoint, attempts and `asked` is at its default. `asked` is
    false where a limit of the user's kept the question from being asked at all.
    """

    text: str = ""
    reasoning: str | None = None
    tool_arguments: str | None = None
    stop: StopReason = "stop"
    finish: str | None = None
    detail: str | None = None
    top_logprobs: tuple[TokenLogprob, ...] | None = None
    choices: dict[str, float] | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int | None = None
    usage_known: bool = True
    latency: float | None = None
    cost: float | None = None
    model: str | None = None
    endpoint: str | None = None
    fingerprint: str | None = None
    attempts: int = 1
    seed_honoured: bool | None = None
    steering: dict[str, object] | None = None
    error: str | None = None
    asked: bool = True


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Token positions [start, end) of the rendered prompt plus generated tokens; negative ones
    count from the prompt's end, so that −1 is its last token.

    With `message` (an index into the conversation, negative from its end): the tokens that hold
    characters [start, end) of that message, or its only occurrence of `text`.
    """

    start: int = 0
    end: int | None = None
    message: int | None = None
    text: str | None = None


Where = Span | tuple[int | Span, ...]
"""A span, or several spans and single token positions."""


Positions = Literal["all", "prompt", "response", "last_prompt", "generated"]
Operation = Literal["add", "ablate", "clamp", "scale"]


class SteeringVector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One direction: by registered `name` (and `sha256`), or `inline` as base64 safetensors.

    `add`: delta at a layer = `coef` × reference norm of that layer × unit vector. On the component
    along the unit vector: `ablate` takes the share `coef` of it away (1 where none is given),
    `scale` multiplies it by `coef`, `clamp` sets it to `coef` × reference norm. `layers` None means
    the vector file's default layer.
    """

    coef: float | None = None
    operation: Operation = "add"
    name: str | None = None
    sha256: str | None = None
    inline: str | None = None
    layers: tuple[int, ...] | None = None
    positions: Positions | Where = "all"


class Capture(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Residual-stream activations to send back: output of each decoder layer in `layers`."""

    layers: tuple[int, ...]
    selector: Literal["first", "last", "mean"] = "last"
    span: Literal["prompt", "completion", "all"] = "completion"


ControlKind = Literal["unsteered", "vector", "random", "angled"]
"""What a steered question is compared with: nothing added, the vector itself, a random direction of
equal norm, one that also has the vector's angle to the mean activation."""
CONTROL_KINDS: tuple[ControlKind, ...] = get_args(ControlKind)


class Controls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same question besides: unsteered; under `number` random directions in place of each
    vector's; and under `number` that also have its angle to the mean activation. Each is drawn from
    `seed`, the vector's content and the layer, so it is the same in every question. With `tokens`
    above 0 their side effects too, on the reply to this question: how probably it opens with a
    refusal, and how probable the unsteered model finds its first `tokens` tokens."""

    number: int = 32
    seed: int = 0
    tokens: int = 0


class Steering(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `steering` field of a chat-completions request."""

    vectors: tuple[SteeringVector, ...] = ()
    capture: Capture | None = None
    choices: tuple[str, ...] | None = None
    controls: Controls | None = None
