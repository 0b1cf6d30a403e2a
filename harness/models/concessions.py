"""What a server refuses in every request and can do without: a seed, a name, a number.

A refusal of a whole request for one member of it would meet every question. Where the member can be
left out, lowered or renamed without another meaning of the answer, the request goes again like
that; a person is told once, and a record that lost its seed says so. Nothing else is conceded:
a temperature that is refused is the user's to change.

Only what the server complains of by field or code, or names beside the words for it, is conceded;
an error that merely quotes a member is an error.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from inspect_ai.model import GenerateConfig

from harness.models.error_body import ErrorBody

__all__ = ["Concession", "Concessions"]

_RENAMED = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
_ALTERNATIVES = ("top_logprobs", "logprobs", "top_n_tokens")
"""What servers call the number of alternatives when they complain: vLLM and TGI have other names
within than in their interface."""
_LADDER = (10, 8, 5, 4, 3, 2, 1)
"""Asked for in turn where a server refuses a number of alternatives and does not say its most."""
_BARE = re.compile(r"[^a-z]+")
_UNKNOWN_CODES = {
    "unsupportedparameter",
    "unknownparameter",
    "unsupportedvalue",
    "extraforbidden",
    "valueerrorextra",
    "unsupportedparamserror",
}
_UNKNOWN = (
    r"(?:un(?:supported|recogni[sz]ed|known|expected)|(?:not|n't)\s+(?:yet\s+)?"
    r"(?:support(?:ed)?|permitted|allowed|available|accepted|recogni[sz]ed|implemented)"
    r"|extra(?:neous)?\s+(?:inputs?|fields?|keys?)|cannot\s+find\s+field|disabled)"
)
_BOUND = re.compile(
    r"(?:<=|≤|at most|less than or equal to|up to|max(?:imum)?(?:\s+\w+){0,3}:?|between\s+\d+\s+and"
    r"|in\s+\[\d+,|to)\s*(\d+)\]?"
    r"|(?:less than|<|below|\[\d+,)\s*(\d+)\)?",
    re.IGNORECASE,
)
_TOO_MANY = re.compile(
    r"greater|less than|at most|maximum|\bmax\b|range|between|<|≤|exceed|above|too (?:many|large)",
    re.IGNORECASE,
)


class Concession(msgspec.Struct, frozen=True):
    """A member of the request that is `left out`, `lowered` to a number or `renamed` to another."""

    field: str
    how: Literal["left out", "lowered", "renamed"]
    to: int | str | None = None

    def line(self) -> str:
        """For a person, after the name of who was asked."""
        if self.how == "lowered":
            return f"allows {self.to} alternatives of a token and was asked for more: now {self.to}"
        if self.how == "renamed":
            return f"takes {self.to} in place of {self.field}"
        if self.field == "seed":
            return "takes no seed: left out, so its repeats are not seeded"
        return "gives no log-probabilities: they are no longer asked for"


class Concessions:
    """What one server is no longer asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Concession] = {}

    def __bool__(self) -> bool:
        return bool(self._made)

    @property
    def seedless(self) -> bool:
        """Whether seeds are left out."""
        return "seed" in self._made

    def learn(self, error: ErrorBody, sent: Mapping[str, Any]) -> str | None:
        """What to concede after `error` to a request with the members `sent`.

        A line for a person, empty where another request has taught it already; None where the
        request cannot be mended.
        """
        if dict(sent) != self.applied(sent):
            return ""
        found = _concession(error, sent)
        if found is None or (known := self._made.get(found.field)) == found:
            return None
        if known is not None and found.how == "renamed":
            return None
        if any(one.to == found.field for one in self._made.values()):
            # Neither of two names is taken: the complaint is another one.
            return None
        self._made[found.field] = found
        return found.line()

    def applied(self, members: Mapping[str, Any]) -> dict[str, Any]:
        """The members of a request as they go to this server."""
        left = dict(members)
        for field, one in self._made.items():
            if field not in left:
                continue
            if one.how == "lowered" and isinstance(one.to, int):
                left[field] = min(one.to, left[field])
                continue
            value = left.pop(field)
            if one.how == "renamed" and isinstance(one.to, str):
                left[one.to] = value
            elif field == "logprobs":
                left.pop("top_logprobs", None)
        return left

    def configured(self, config: GenerateConfig) -> GenerateConfig:
        """The same of Inspect's generation settings."""
        if not self._made:
            return config
        sent = _members_of(config)
        kept = self.applied(sent)
        changed: dict[str, Any] = {name: kept.get(name) for name in sent if name in _SETTINGS}
        renamed = {name: value for name, value in kept.items() if name not in sent}
        if renamed:
            changed["extra_body"] = {**(config.extra_body or {}), **renamed}
        return config.model_copy(update=changed)

    def heard(self, error: ErrorBody, config: GenerateConfig) -> str | None:
        """`learn` for a request that Inspect made of `config`."""
        return self.learn(error, _members_of(config))


_SETTINGS = ("seed", "max_tokens", "logprobs", "top_logprobs")


def _members_of(config: GenerateConfig) -> dict[str, Any]:
    """The members of a request that may be conceded, from Inspect's settings."""
    found = {name: getattr(config, name) for name in _SETTINGS}
    return {name: value for name, value in found.items() if value is not None}


def _concession(error: ErrorBody, sent: Mapping[str, Any]) -> Concession | None:
    asked = sent.get("top_logprobs")
    for field in _complaints(error, (*_ALTERNATIVES, "seed", *_RENAMED)):
        unknown = _is_unknown(error, field)
        if field in _ALTERNATIVES:
            if isinstance(asked, int) and asked > 1 and not unknown and _too_many(error):
                return Concession("top_logprobs", "lowered", _most(error, asked))
            if unknown and sent.get("logprobs"):
                return Concession("logprobs", "left out")
        elif field in sent and unknown:
            if field == "seed":
                return Concession("seed", "left out")
            return Concession(field, "renamed", _RENAMED[field])
    return None


def _complaints(error: ErrorBody, names: tuple[str, ...]) -> list[str]:
    """Which of `names` the error may be about: its field, else what its words name."""
    if error.field is not None:
        last = re.split(r"[.\[\]/]", error.field.strip("[]./"))[-1]
        return [last] if last in names else []
    return [name for name in names if re.search(rf"(?<![\w-]){name}(?![\w-])", error.message)]


def _is_unknown(error: ErrorBody, field: str) -> bool:
    """Whether the server does not take the member at all."""
    if error.field is not None and {_BARE.sub("", c.lower()) for c in error.codes} & _UNKNOWN_CODES:
        return True
    near = rf"(?<![\w-]){field}(?![\w-])"
    words = rf"{_UNKNOWN}[^.]{{0,60}}{near}|{near}[^.]{{0,60}}{_UNKNOWN}"
    return re.search(words, error.message, re.IGNORECASE) is not None or (
        error.field is not None and re.search(_UNKNOWN, error.message, re.IGNORECASE) is not None
    )


def _too_many(error: ErrorBody) -> bool:
    return _TOO_MANY.search(error.message) is not None


def _most(error: ErrorBody, asked: int) -> int:
    """How many alternatives the error allows; the next of a ladder where it does not say."""
    told = []
    for inclusive, exclusive in _BOUND.findall(error.message):
        told.append(int(inclusive) if inclusive else int(exclusive) - 1)
    fewer = [number for number in told if 0 < number < asked]
    return max(fewer) if fewer else next(step for step in (*_LADDER, 1) if step < asked)
