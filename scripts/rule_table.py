"""What each rule says of known texts: `python -m scripts.rule_table` writes tests/text/rules.csv.

The error rates of the rules (`python -m benchmarks.verdicts`) hold for the rules that they were
measured with, to the last weight. So what these say of the project's known texts, as they are and
changed in ways that move every statistic, is kept, and a test compares it. Of every fifth text also
what they say of its beginnings word by word, round the lengths that the rules name, and of one
sentence said again and again, where the limits of each rule lie: a row holds the labels by length
and a digest of every score. After a wanted change: print the rates again, then write the table.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

import numpy as np

from harness.text.verdicts.known import KnownText, known_texts
from harness.text.verdicts.rules import RULES
from harness.text.verdicts.verdict import VerdictKind
from scripts.kept_table import write_kept

__all__ = ["HEAD", "KINDS", "TABLE", "rows"]

TABLE = Path(__file__).resolve().parents[1] / "tests" / "text" / "rules.csv"
KINDS: tuple[VerdictKind, ...] = (
    "refusal", "coherence", "sysprompt_reference", "executed_task", "attitude",
)  # fmt: skip
HEAD = ("kind", "text", "variant", "value", "label", "details")
_ODD = ("\ufffd", "\u200b", "\ue000", "\x07", "\u0301", "\u2588")
_FOREIGN = ("δόξα", "слово", "աշխարհ", "שלום", "سلام", "नमस्ते", "ไทย", "語", "한글", "მზე")
_EACH = 5
_WORDS = 45
_LENGTHS = (20, 40, 60, 70, 120, 160, 200, 240, 300, 400, 600, 900)
_TIMES = 16
_LOOKALIKES = str.maketrans("aeopcxyAEOPCXTHKMB", "аеорсхуАЕОРСХТНКМВ")


def rows(*kinds: VerdictKind) -> Iterator[tuple[str, ...]]:
    """(kind, number of the text, variant, value, label, details), all as text; of all kinds where
    none is named."""
    for kind in kinds or KINDS:
        texts = known_texts(kind)
        for number, known in enumerate(texts):
            rng = np.random.default_rng(number)
            other = texts[(number + 7) % len(texts)].text
            for variant, text in _variants(known.text, other, rng):
                yield _row(kind, number, variant, text, known)
            if kind == "executed_task":
                yield _row(kind, number, "items swapped", known.text, known, swapped=True)
            if number % _EACH == 0:
                for variant, lengths in _lengths(known.text, other).items():
                    yield _limits(kind, number, variant, lengths, known)


def _row(
    kind: VerdictKind, number: int, variant: str, text: str, known: KnownText, swapped: bool = False
) -> tuple[str, ...]:
    first, second = known.item_first or "", known.item_second or ""
    found = RULES[kind](
        {
            "text": text,
            "system_prompt": known.system_prompt or "",
            "topic": known.topic or "",
            "first_task": second if swapped else first,
            "second_task": first if swapped else second,
        }
    )
    value = "" if found.value is None else f"{found.value:.4g}"
    details = json.dumps(found.details, ensure_ascii=False, sort_keys=True)
    return kind, str(number), variant, value, found.label or "", details


def _limits(
    kind: VerdictKind, number: int, variant: str, lengths: Mapping[int, str], known: KnownText
) -> tuple[str, ...]:
    """One row of a text at several lengths: "1-7 none, 8-45 ambiguous", and a digest of it all."""
    said = {length: _row(kind, number, variant, text, known) for length, text in lengths.items()}
    runs = []
    for label, run in groupby(said, lambda length: said[length][4]):
        first, *more = run
        runs.append(f"{first}-{more[-1]} {label}" if more else f"{first} {label}")
    digest = hashlib.sha256(repr(list(said.values())).encode()).hexdigest()[:12]
    return kind, str(number), variant, "", ", ".join(runs), digest


def _lengths(text: str, other: str) -> dict[str, dict[int, str]]:
    """By variant, a text by its length in words, in characters, or in times that it is said."""
    words = f"{text} {other}".split()
    sentences = [one.strip() for one in re.split(r"(?<=[.!?])\s+|\n", text) if one.strip()] or [""]
    ends = sorted({end + by for end in _LENGTHS for by in (-1, 0, 1)})
    return {
        "first words": {n: " ".join(words[:n]) for n in range(1, _WORDS + 1)},
        "last words": {n: " ".join(text.split()[-n:]) for n in range(1, _WORDS + 1)},
        "first characters": {n: f"{text}\n{other}"[:n] for n in ends},
        "a sentence again": {n: " ".join(n * sentences[:1]) for n in range(1, _TIMES)},
        "three words again": {n: " ".join(n * words[:3]) for n in range(1, _TIMES)},
        "words as lines": {n: "\n".join(f"- {one}" for one in words[:n]) for n in range(1, _TIMES)},
        "sentences as lines": {n: "\n".join((_TIMES * sentences)[:n]) for n in range(1, _TIMES)},
        "once, then again": {n: f"{text} {' '.join(n * words[-2:])}" for n in range(1, _TIMES)},
    }


def _variants(text: str, other: str, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    words = text.split()
    yield "as it is", text
    yield "first half", text[: len(text) // 2]
    yield "shuffled", " ".join(rng.permutation(words).tolist()) if words else ""
    yield "its end again", " ".join(words + 4 * words[-12:])
    yield "with another", f"{text}\n\n{other}"
    yield "letters dropped", "".join(one for one in text if rng.random() > 0.12)
    yield (
        "odd characters",
        "".join(one + (rng.choice(_ODD) if rng.random() < 0.04 else "") for one in text),
    )
    yield (
        "other alphabets",
        " ".join(rng.choice(_FOREIGN) if rng.random() < 0.15 else one for one in words),
    )
    yield (
        "lookalikes",
        " ".join(one.translate(_LOOKALIKES) if rng.random() < 0.3 else one for one in words),
    )


if __name__ == "__main__":
    write_kept(TABLE, HEAD, rows())
