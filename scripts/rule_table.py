"""What each rule says of known texts: `python -m scripts.rule_table` writes tests/text/rules.csv.

The error rates of the rules (`python -m benchmarks.verdicts`) hold for the rules that they were
measured with, to the last weight. So what these say of the project's known texts, as they are and
changed in ways that move every statistic, is kept, and a test compares it. After a wanted change:
print the rates again, then write the table.
"""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from harness.text.verdicts.known import KnownText, known_texts
from harness.text.verdicts.rules import RULES
from harness.text.verdicts.verdict import VerdictKind

__all__ = ["TABLE", "rows"]

TABLE = Path(__file__).resolve().parents[1] / "tests" / "text" / "rules.csv"
KINDS: tuple[VerdictKind, ...] = (
    "refusal", "coherence", "sysprompt_reference", "executed_task", "attitude",
)  # fmt: skip
HEAD = ("kind", "text", "variant", "value", "label", "details")
_ODD = ("\ufffd", "\u200b", "\ue000", "\x07", "\u0301", "\u2588")
_FOREIGN = ("δόξα", "слово", "աշխարհ", "שלום", "سلام", "नमस्ते", "ไทย", "語", "한글", "მზე")
_LOOKALIKES = str.maketrans("aeopcxyAEOPCXTHKMB", "аеорсхуАЕОРСХТНКМВ")


def rows() -> Iterator[tuple[str, ...]]:
    """(kind, number of the text, variant, value, label, details), all as text."""
    for kind in KINDS:
        texts = known_texts(kind)
        for number, known in enumerate(texts):
            rng = np.random.default_rng(number)
            other = texts[(number + 7) % len(texts)].text
            for variant, text in _variants(known.text, other, rng):
                yield _row(kind, number, variant, text, known)
            if kind == "executed_task":
                yield _row(kind, number, "items swapped", known.text, known, swapped=True)


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


def written() -> str:
    """The table as it is kept."""
    buffer = io.StringIO()
    out = csv.writer(buffer, lineterminator="\n")
    out.writerow(HEAD)
    out.writerows(rows())
    return buffer.getvalue()


def main() -> None:
    """Write it."""
    TABLE.write_text(written(), encoding="utf-8")
    print(f"{TABLE.name}: {len(TABLE.read_text(encoding='utf-8').splitlines()) - 1} rows")


if __name__ == "__main__":
    main()
