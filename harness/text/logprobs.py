"""Reading an answer from the log-probabilities of its first token."""

import itertools
import math
from collections.abc import Sequence

import msgspec

from harness.errors import UsageError
from harness.prompts.normal import spelling
from harness.prompts.template import ResponseName
from harness.wire import TokenLogprob

__all__ = ["Distribution", "check_distinguishable", "read_choices", "read_logprobs"]

_MARKERS = ("\u0120", "\u2581", "\u010a")
"""Byte-pair and sentence-piece signs for a leading space or newline."""
_ALLOWED = "expected labels such as 'A,B' or 1 to 5 (or use readout=sample)"
_SHORTEST_BEGINNING = 2
"""Letters that the beginning of a word must have to count for it: "a" does not begin "apple"."""


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """Probability of each label, renormalised to sum to 1, and the mass that the labels had.

    `probabilities` holds every label in declared order; with `mass` 0 all are 0.
    """

    probabilities: dict[str, float]
    mass: float


def read_logprobs(top: Sequence[TokenLogprob], labels: Sequence[str]) -> Distribution:
    """Distribution over `labels` from the alternatives for the first answer token.

    All spellings of a label are summed: a leading space or its marker, case, quotes, Markdown.
    A token counts for the label that it spells, or for the only one whose spelling it begins;
    tokens that begin none, or several, count for nothing. `labels` must have passed
    `check_distinguishable`.
    """
    spelt = {spelling(label): label for label in labels}
    numeric = all(_is_number(known) for known in spelt)
    found = dict.fromkeys(labels, 0.0)
    for entry in top:
        label = _label_of(entry.token, spelt, numeric=numeric)
        if label is not None:
            found[label] += math.exp(min(entry.logprob, 0.0))
    return _renormalised(found)


def read_choices(choices: dict[str, float], labels: Sequence[str]) -> Distribution:
    """Distribution over `labels` from exact probabilities of whole answers (steering server)."""
    return _renormalised({label: max(choices.get(label, 0.0), 0.0) for label in labels})


def check_distinguishable(labels: Sequence[str], response: ResponseName) -> None:
    """UsageError where the first token of a plain answer does not tell the labels apart."""
    if response != "plain":
        raise UsageError(
            f"readout=logprobs with response={response!r}; expected response='plain', since the "
            "label must be the first token of the answer"
        )
    spelt = {label: spelling(label) for label in labels}
    for label, known in spelt.items():
        if _is_number(known) and len(known) > 1:
            raise UsageError(
                f"readout=logprobs: label {label!r} may come in several tokens, so its first token "
                f"does not tell it apart from other numbers; {_ALLOWED}"
            )
    for one, other in itertools.combinations(labels, 2):
        if _begin_alike(spelt[one], spelt[other]):
            raise UsageError(
                f"readout=logprobs: labels {one!r} and {other!r} begin alike, so their first "
                f"token does not tell them apart; {_ALLOWED}"
            )


def _begin_alike(one: str, other: str) -> bool:
    same_word = one.split()[0] == other.split()[0]
    return same_word or one.startswith(other) or other.startswith(one)


def _label_of(token: str, spelt: dict[str, str], *, numeric: bool) -> str | None:
    for marker in _MARKERS:
        token = token.replace(marker, " ")
    bare = spelling(token)
    if not bare:
        return None
    if bare in spelt:
        return spelt[bare]
    if numeric or token[-1:].isspace() or len(bare) < _SHORTEST_BEGINNING:
        return None
    begun = [label for known, label in spelt.items() if known.startswith(bare)]
    return begun[0] if len(begun) == 1 else None


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdecimal()


def _renormalised(found: dict[str, float]) -> Distribution:
    mass = sum(found.values())
    if mass <= 0.0:
        return Distribution(probabilities=dict.fromkeys(found, 0.0), mass=0.0)
    return Distribution(
        probabilities={label: p / mass for label, p in found.items()}, mass=min(mass, 1.0)
    )
