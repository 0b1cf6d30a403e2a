"""How known answers are read: `python -m scripts.answer_table` writes tests/text/read.csv.

`tests/text/answers.toml` says how a person reads some hundred answers. This keeps how the parser
reads each of them put another way: wrapped, begun, continued, cut off, taken back, in every form of
response and against every scale. What a person would say of those nobody has written down; what is
kept shows that nothing moved unseen. After a wanted change look at the rows that moved, then write
the table.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from harness.prompts.catalogue import TEMPLATES
from harness.prompts.labels import label_pair
from harness.text.parse import is_unclear, parse_answer
from harness.wire import Reply
from scripts.kept_table import write_kept

__all__ = ["HEAD", "TABLE", "rows"]

TESTS = Path(__file__).resolve().parents[1] / "tests" / "text"
TABLE = TESTS / "read.csv"
HEAD = ("answer", "text", "put", "read", "digest")
_PAIRS = ("A,B", "1,2", "Task A,Task B", "first,second", "I,J", "North,Northeast")
_PUT = {
    "wrapped": (
        "{}", '"{}"', "({})", "[{}]", "**{}**", "*{}*", "`{}`", "```\n{}\n```",
        "<answer>{}</answer>", "<answer>{}", "\\boxed{{{}}}", '{{"answer": "{}"}}', "> {}",
        "- {}", "# {}", "“{}”",
    ),
    "begun": (
        "Rating: {}", "**Rating:** {}", "Rating:\n{}", "Answer: {}", "My answer is {}",
        "I would say {}", "Option {}", "1. {}", "2) {}", "A: {}", "Not {}", "It depends.\n{}",
        "Sure!\n\n{}", "Well,\n\n**Answer:**\n\n{}", "I can't say. {}", "As an AI, {}",
        "Between 2 and 3. {}", "A or B? {}", "Reason: it was fun.\n\n{}", "<think>so</think>{}",
        "<answer>{}</answer>\nso <answer>{}</answer>", "Thought: B.\n<answer>{}</answer>",
    ),
    "continued": (
        "{}.", "{}!", "{}?", "{},", "{}:", "{};", "{} ", "{}\n", "{}/5", "{}/10", "{} / 100", "{}%",
        "{} out of 5", "{} out of 10", "{} percent", "{} points", "{}.0", "{}.5", "{}-5", "{} to 5",
        "{} or 2", "{} and B", "{} because it was fun.", "{}: it was fun", "{} - fun",
        "{}\n\nIt was fun.", "{}\n\nBut 2 would do too.", "{}\nNo, rather 3.", "{}, not B.",
        "{}\n\nI can't do this, sorry.", "{} (I have no preferences.)", "{}\n\n{}", "{} {}",
        "{}\n5", "{}\nB", "{}\n\nActually, I take that back: B.", "{} <|eot_id|>",
        "{}\n\nUser: thanks",
        "{} said the fox", "{}; if I had to choose again, 1", "{}\n\nHere is the poem: roses",
    ),
}  # fmt: skip


def rows() -> Iterator[tuple[str, ...]]:
    """(number, its beginning, how it is put, what it is read as by count, a digest of it all)."""
    known: dict[str, Any] = msgspec.toml.decode((TESTS / "answers.toml").read_bytes())
    for number, answer in enumerate(known["answer"]):
        for put, found in _readings(answer).items():
            counts = Counter(one.partition(" (")[0] for one in found).most_common()
            read = ", ".join(f"{reading} {count}" for reading, count in counts)
            digest = hashlib.sha256("\n".join(found).encode()).hexdigest()[:12]
            yield str(number), repr(answer["text"][:20]), put, read, digest


def _readings(answer: dict[str, Any]) -> dict[str, list[str]]:
    text, name = answer["text"], answer["template"]
    found = {
        put: [_read(answer, name, one.format(text, text)) for one in forms]
        for put, forms in _PUT.items()
    }
    found["cut, doubled, cased"] = [
        _read(answer, name, one)
        for one in (
            text[:-1], text[1:], text[: len(text) // 2], text[len(text) // 2 :], text.upper(),
            text.lower(), text.title(), text + text, " ".join(text), text.replace(" ", "\n"),
            text[::-1], text.replace("\n", " "), text.strip(" .!"), f"\u200b{text}",
            f"\n\n {text} \n",
        )
    ]  # fmt: skip
    found["by scale"] = [_read(answer, one, text) for one in TEMPLATES]
    found["by labels"] = [
        _read(answer | {"labels": pair}, "choose_or_neither", text) for pair in _PAIRS
    ]
    found["by response and end"] = [
        _read(answer | {"response": response, "stop": stop}, name, text)
        for response in ("plain", "xml", "tool", "reasoned")
        for stop in ("stop", "max_tokens", "content_filter", "tool_calls", "unknown")
    ]
    found["by tool"] = [
        _read(answer | {"response": "tool", "tool": form.replace("%s", text.strip())}, name, "So.")
        for form in ('{"answer": "%s"}', '{"answer": %s}', '{"rating": "%s"}', "%s", '["%s"]', "{}")
    ]
    return found


def _read(answer: dict[str, Any], template_name: str, text: str) -> str:
    template = TEMPLATES[template_name]
    found = parse_answer(
        Reply(text=text, tool_arguments=answer.get("tool"), stop=answer.get("stop", "stop")),
        labels=template.labels or label_pair(answer.get("labels", "A,B")),
        banned=template.banned,
        response=answer.get("response", "plain"),
        kind=template.kind,
        completes=template.completes,
    )
    said = found.outcome if found.label is None else f"{found.outcome} {found.label}"
    unclear = " unclear" if is_unclear(found) else ""
    return f"{said}{unclear} ({found.reason})" if found.reason else f"{said}{unclear}"


if __name__ == "__main__":
    write_kept(TABLE, HEAD, rows())
