"""What a sample's output keeps, and what is read back from it."""

import json
import math
from typing import Any

import msgspec
import polars as pl
import pytest

from harness.errors import UsageError
from harness.measuring.completions import kept_completions
from harness.records.beside import controls_of, read_controls
from harness.records.kept import Asked, Common, Completion, kept_of, output_of
from harness.records.served import served_by
from harness.wire import Reply


def common(**fields: Any) -> Common:
    usual: dict[str, Any] = {
        "facts": {"kind": "rating", "response": "plain"}, "allowed": ("1", "2", "3"),
        "values": (1.0, 2.0, 3.0), "banned": (), "completes": False, "readout": "logprobs",
        "min_label_mass": 0.5,
    }  # fmt: skip
    return Common(**usual | fields)


def asked(*texts: str) -> list[Asked]:
    return [
        Asked(key=str(k), facts={"repeat": k}, reply=Reply(text=t)) for k, t in enumerate(texts)
    ]


def test_one_answer_is_shown_as_it_is_and_several_by_number() -> None:
    """What a person sees in `inspect view`; all of it is read back."""
    assert output_of("m", common(), asked("four")).completion == "four"
    two = output_of("m", common(), asked("four", "five"))
    assert two.completion == "1. four\n\n2. five"
    kept = kept_of(two)
    assert kept is not None and [one.reply.text for one in kept.asked] == ["four", "five"]
    none = output_of("m", common(), [])
    assert none.completion and kept_of(none) is not None
    two.metadata = None
    assert kept_of(two) is None


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"a": 3}, ""),
        ({"a": 3, None: 2}, ""),
        ({"a": 1, "b": 3}, "answers of 2 endpoints (b 75%, a 25%)"),
        (dict.fromkeys("abcd", 1), "answers of 4 endpoints (a 25%, b 25%, c 25%, d 25%)"),
        (
            dict.fromkeys("abcde", 1),
            "answers of 5 endpoints (a 20%, b 20%, c 20%, d 20% and 1 more)",
        ),
    ],
)
def test_endpoints_are_named_by_their_share(counts: dict[str | None, int], said: str) -> None:
    """Four by name; one alone is not spoken of."""
    column = [name for name, count in counts.items() for _ in range(count)]
    assert served_by(pl.DataFrame({"endpoint": column}, schema={"endpoint": pl.String})) == said


def told(*shares: list[float], **fields: Any) -> dict[str, Any]:
    return {"controls": {kind: [{"choices": one, **fields} for one in shares]
                         for kind in ("unsteered", "vector", "random", "angled")}}  # fmt: skip


def test_a_ratings_controls_are_expected_values() -> None:
    """By probability, whatever their sum; where no label had any there is none."""
    reply = Reply(choices={"1": 0.1, "2": 0.1, "3": 0.2}, steering=told([0.1, 0.1, 0.2], [0, 0, 0]))
    kept = controls_of(common(), reply)
    assert kept is not None
    found = read_controls(kept)["random"]
    assert found.estimate == (pytest.approx(2.25), None)
    assert found.mass == (pytest.approx(0.4), 0.0)
    assert (found.refusal, found.coherence) == ((), ())
    beside = controls_of(
        common(),
        Reply(choices=reply.choices, steering=told([0.1, 0.1, 0.2], refusal=0.3, coherence=-1)),
    )
    assert beside is not None
    assert read_controls(beside)["vector"].refusal == (0.3,)
    assert (
        controls_of(common(), Reply(error="503", stop="unknown", steering=reply.steering)) is None
    )
    assert controls_of(common(), Reply(text="4")) is None
    with pytest.raises(UsageError):
        read_controls("{")


def test_a_choices_controls_are_the_logit_of_the_first() -> None:
    """Against the other item, in the order in which the answers were allowed."""
    both = common(facts={"kind": "choice"}, allowed=("B", "A"), values=())
    reply = Reply(choices={"A": 0.3, "B": 0.1}, steering=told([0.3, 0.1], [0.0, 0.4]))
    kept = controls_of(both, reply)
    assert kept is not None
    first, underflowed = read_controls(kept)["angled"].estimate
    assert first == pytest.approx(math.log(0.1 / 0.3))
    assert underflowed is not None and 600 < underflowed < 800


def test_completions_of_a_folder_are_found_by_their_text(tmp_path: Any) -> None:
    """Of every journal there; a line that broke off is passed over, other files are not read."""

    def line(name: str) -> str:
        one = Completion(item=name, item_hash="i", text=name, hash=f"hash-{name}", completer="m",
                         completer_identity="m", sysprompt="none", seed=0)  # fmt: skip
        return json.dumps({"key": "k", "entry": msgspec.to_builtins(one)})

    (tmp_path / "completions-1.jsonl").write_text(f'{{"task_id": "T"}}\n{line("a")}\n{{"key"')
    (tmp_path / "completions-2.jsonl").write_text(line("b"))
    (tmp_path / "questions-2.jsonl").write_text(line("c"))
    assert sorted(kept_completions(tmp_path)) == ["hash-a", "hash-b"]
