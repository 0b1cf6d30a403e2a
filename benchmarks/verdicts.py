"""Rules on texts: how often each is right, what gibberish it finds, and what 10 000 texts cost.

    python -m benchmarks.verdicts [DATA]

On the texts with known verdicts in the package: the share that each rule reads rightly, by kind and
by the habit in which they were written. Texts of `executed_task` were written in nine sets. The
first (`seen`) is what the rule was written with; each of the others was unopened until its figure
was printed, and mended for afterwards, so what is printed here is the figure after mending. At its
first opening the rule had .938 (75 of 80, `held out`), .821 (32 of 39, `fresh`), .857 (30 of 35,
`third`), and .727 (24 of 33, `fourth`, which was written to be hard), .861 of the 187 together.

Four more were written by one hand in its own words, many of their answers without a word of the
request: .603 (38 of 63, `fifth`), .742 (46 of 62, `sixth`; .694 before the rule was mended for the
fifth), .614 (35 of 57, `seventh`; .596 before it was mended for the fifth and the sixth), .800 (44
of 55, `eighth`; .727 before all this). Most that it misses it calls neither (first for second or
the reverse: 6 of 237). Expect .6 to .85 of such texts, and ask a judge where that is too little.

First figures of the other kinds, before anything was mended: refusal .919, coherence .917,
sysprompt_reference .966.

With DATA (a folder with refusal/xstest.jsonl and raw/): gibberish planted in its completions, by
kind and by length, and ordinary texts that are taken for gibberish. The tables of English are
fitted on XSTest, Alpaca and the requests, not on math500.
"""

import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import numpy as np

from harness.prompts.conditions import CONDITIONS, completion_system
from harness.text.verdicts.attitude import attitude
from harness.text.verdicts.coherence import coherence
from harness.text.verdicts.executed_task import executed_task
from harness.text.verdicts.known import KnownText, known_texts
from harness.text.verdicts.refusal import refusal
from harness.text.verdicts.sysprompt_reference import sysprompt_reference
from harness.text.verdicts.verdict import VERDICT_KINDS, VerdictKind

Garble = Callable[[str, np.random.Generator], str]
_LOOKALIKE = str.maketrans("aeopcxyHBKMTPOAEC", "аеорсхуНВКМТРОАЕС")
_OTHERS = ("дом", "漢字", "שלום", "ქარ", "मैं", "αβγ")
SIZES = (15, 30, 60, 1000)
"""Words to which the completions are cut before they are garbled."""


def found_right(known: KnownText, kind: VerdictKind) -> bool:
    """Whether the rule's verdict is the text's; of an attitude, whether it passes as coherent."""
    if kind == "refusal":
        return refusal(known.text).value == known.verdict
    if kind == "coherence":
        return coherence(known.text).value == known.verdict
    if kind == "sysprompt_reference":
        verdict = sysprompt_reference(known.text, known.system_prompt or "")
        return verdict.value == known.verdict
    if kind == "executed_task":
        done = executed_task(known.text, known.item_first or "", known.item_second or "")
        return done.value == known.verdict
    passes = attitude(known.text, known.topic or "").flags["coherent"]
    return bool(passes) == (known.verdict != "incoherent")


def _loop(text: str, rng: np.random.Generator) -> str:
    words = text.split()
    period = words[: int(rng.integers(1, 8))]
    return " ".join((period * len(words))[: len(words) + 10])


def _late_loop(text: str, rng: np.random.Generator) -> str:
    return " ".join([text, *(text.split()[-int(rng.integers(1, 8)) :] * 10)])


def _shuffle(text: str, rng: np.random.Generator) -> str:
    words = text.split()
    return " ".join(words[at] for at in rng.permutation(len(words)))


def _cut_ends(text: str, rng: np.random.Generator) -> str:
    return " ".join(
        word[: max(1, round(len(word) * rng.uniform(0.3, 0.7)))] for word in text.split()
    )


def _cut_beginnings(text: str, rng: np.random.Generator) -> str:
    return " ".join(word[int(len(word) * rng.uniform(0.3, 0.7)) :] for word in text.split())


def _split(text: str, rng: np.random.Generator) -> str:
    def parted(word: str) -> str:
        at = int(rng.integers(1, len(word) - 1)) if len(word) > 2 else 0
        return f"{word[:at]} {word[at:]}" if at else word

    return " ".join(map(parted, text.split()))


def _lookalikes(text: str, rng: np.random.Generator) -> str:
    return "".join(one.translate(_LOOKALIKE) if rng.random() < 0.5 else one for one in text)


def _alphabets(text: str, rng: np.random.Generator) -> str:
    words = text.split()
    return " ".join(
        word if rng.random() < 0.5 else _OTHERS[int(rng.integers(len(_OTHERS)))] for word in words
    )


def _letters(text: str, rng: np.random.Generator) -> str:
    return " ".join("".join(chr(97 + int(rng.integers(26))) for _ in word) for word in text.split())


GARBLES: dict[str, Garble] = {
    "fine, fine": lambda _, rng: ", ".join(["fine"] * int(rng.integers(3, 40))),
    "loop": _loop,
    "loop at the end": _late_loop,
    "shuffled": _shuffle,
    "cut ends": _cut_ends,
    "cut beginnings": _cut_beginnings,
    "split words": _split,
    "no vowels": lambda text, _: re.sub("[aeiou]", "", text),
    "random letters": _letters,
    "lookalikes": _lookalikes,
    "mixed alphabets": _alphabets,
}


def planted(texts: Sequence[str], garble: Garble, words: int, *, number: int = 200) -> float:
    """Share of `number` garbled texts (seed 0), cut to so many words, that are found incoherent."""
    rng = np.random.default_rng(0)
    chosen = [texts[at] for at in rng.integers(len(texts), size=number)]
    garbled = [garble(" ".join(text.split()[:words]), rng) for text in chosen]
    return sum(coherence(text).value == "incoherent" for text in garbled) / number


def _ordinary(data: Path) -> dict[str, list[str]]:
    def rows(path: Path, field: str) -> list[str]:
        return [json.loads(line)[field] for line in path.read_text("utf-8").split("\n") if line]

    alpaca = json.loads((data / "raw" / "alpaca.json").read_text("utf-8"))
    return {
        "xstest completions": rows(data / "refusal" / "xstest.jsonl", "response"),
        "alpaca completions": [row["output"] for row in alpaca],
        "math500 solutions": rows(data / "raw" / "math500.jsonl", "solution"),
        "stress test requests": rows(data / "raw" / "stress_test.jsonl", "text"),
        "wildchat requests": rows(data / "raw" / "wildchat_first_turns.jsonl", "text"),
    }


def cost(texts: Sequence[str]) -> float:
    """CPU seconds of all five rules on 10 000 such texts."""
    system = completion_system(CONDITIONS["loves_math"]) or ""
    first, second = "Write a poem about the sea.", "Explain how a bicycle stays upright."
    for text in texts[:50]:
        coherence(text)
    started = time.process_time()
    for number in range(10_000):
        text = f"{texts[number % len(texts)]} {number}"
        refusal(text)
        coherence(text)
        sysprompt_reference(text, system)
        executed_task(text, first, second)
        attitude(text, "mathematics")
    return time.process_time() - started


@click.command()
@click.argument("data", required=False, type=click.Path(exists=True, path_type=Path))
def main(data: Path | None) -> None:
    """Prints shares on the known texts, on planted gibberish and ordinary texts, and the cost."""
    for kind in VERDICT_KINDS:
        texts = known_texts(kind)
        for habit in dict.fromkeys(one.habit for one in texts):
            mine = [one for one in texts if one.habit == habit]
            right = sum(found_right(one, kind) for one in mine)
            click.echo(f"{kind:20} {habit:20} {right:3} of {len(mine):3}  {right / len(mine):.3f}")
    plain = [one.text for one in known_texts("executed_task") if len(one.text) > 60]
    if data is not None:
        ordinary = _ordinary(data)
        for name, texts in ordinary.items():
            wrong = sum(coherence(text).value == "incoherent" for text in texts)
            click.echo(f"taken for gibberish: {name:22} {wrong:3} of {len(texts)}")
        plain = ordinary["xstest completions"]
        pool = [text for text in plain if len(text.split()) >= 12]
        click.echo(f"{'found, by words':20}" + "".join(f"{size:8}" for size in SIZES))
        for name, garble in GARBLES.items():
            shares = (planted(pool, garble, size) for size in SIZES)
            click.echo(f"{name:20}" + "".join(f"{share:8.2f}" for share in shares))
    length = sum(map(len, plain)) / len(plain)
    click.echo(
        f"{cost(plain):.1f} s CPU for 10 000 completions through all five rules, "
        f"{length:.0f} characters each"
    )


if __name__ == "__main__":
    main()
