"""Fits what is kept of English: python -m scripts.fit_english DATA

Of DATA/refusal/xstest.jsonl and of alpaca.json, stress_test.jsonl and wildchat_first_turns.jsonl in
DATA/raw it counts which class of word follows which (`harness.text.verdicts.word_order`), and which
two letters begin and end words (`harness.text.verdicts.word_forms`). Kept is the logarithm of seen
over expected, with `_SHRINK` added to both, cut at ±3. No threshold is fitted here; what they were
chosen on is said beside them. For word order it was tables of one half read on the other.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import click
import msgspec

from harness.text.verdicts.coherence import prose_of
from harness.text.verdicts.english import LETTERS, English
from harness.text.verdicts.word_order import CLASSES, class_pairs, tokens

TABLES = Path(__file__).resolve().parents[1] / "harness/text/verdicts/data/english.json"
_LEAST, _SHRINK = 9, 2.0


def texts_of(data: Path) -> list[str]:
    """The prose of completions and requests, those of more than a few words."""
    found = [row["response"] for row in _rows(data / "refusal" / "xstest.jsonl")]
    raw = data / "raw"
    found += [row["output"] for row in json.loads((raw / "alpaca.json").read_text("utf-8"))]
    for name in ("stress_test", "wildchat_first_turns"):
        found += [row["text"] for row in _rows(raw / f"{name}.jsonl")]
    return [prose_of(text) for text in found if len(text.split()) >= _LEAST]


def fit_english(texts: Sequence[str]) -> English:
    """The tables of these texts."""
    pairs = Counter(pair for text in texts for pair in class_pairs(tokens(text)))
    words = [word for text in texts for word in _words(text)]
    starts = Counter((word[0], word[1]) for word in words)
    ends = Counter((word[-2], word[-1]) for word in words)
    within = Counter(pair for word in words for pair in pairwise(word[1:-1]))
    share = {
        pair: (within[pair] + 0.1) / (within.total() + 0.1 * len(LETTERS) ** 2)
        for pair in ((one, other) for one in LETTERS for other in LETTERS)
    }
    return English(
        pairs=_table(CLASSES, pairs, _independent(pairs)),
        starts=_table(LETTERS, starts, lambda one, other: share[one, other] * starts.total()),
        ends=_table(LETTERS, ends, lambda one, other: share[one, other] * ends.total()),
    )


def _words(text: str) -> Iterable[str]:
    small = (token.casefold() for token in tokens(text))
    return (word for word in small if len(word) > 3 and word.isascii() and word.isalpha())


def _independent(seen: Counter[tuple[str, str]]) -> Callable[[str, str], float]:
    first: Counter[str] = Counter()
    second: Counter[str] = Counter()
    for (one, other), count in seen.items():
        first[one] += count
        second[other] += count
    return lambda one, other: first[one] * second[other] / seen.total()


def _table(
    names: Sequence[str], seen: Counter[tuple[str, str]], expected: Callable[[str, str], float]
) -> tuple[tuple[float, ...], ...]:
    def logarithm(one: str, other: str) -> float:
        value = math.log((seen[one, other] + _SHRINK) / (expected(one, other) + _SHRINK))
        return round(max(-3.0, min(3.0, value)), 2)

    return tuple(tuple(logarithm(one, other) for other in names) for one in names)


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(data: Path) -> None:
    """Fits on all files and writes the tables that the package uses."""
    kept = msgspec.json.encode(fit_english(texts_of(data)))
    TABLES.write_text(kept.decode().replace("],[", "],\n[") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
