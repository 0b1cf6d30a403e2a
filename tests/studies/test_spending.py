"""What a study has cost, from the answers that its folder keeps."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.studies.catalogue import get_study
from harness.studies.parameters import read_parameters
from harness.studies.spending import spent, spent_on
from harness.wire import Reply


def journal(folder: Path, name: str, entries: dict[str, Reply], tail: bytes = b"") -> None:
    place = folder / "journal"
    place.mkdir(parents=True, exist_ok=True)
    lines = [b'{"task_id":"t","scope":"s","version":2}']
    lines += [msgspec.json.encode({"key": key, "entry": reply}) for key, reply in entries.items()]
    (place / name).write_bytes(b"\n".join(lines) + b"\n" + tail)


def reply(**given: Any) -> Reply:
    return Reply(**({"text": "5", "input_tokens": 1000, "output_tokens": 100} | given))


def test_all_parts_count_and_half_a_line_does_not(tmp_path: Path) -> None:
    """Questions and completions of every process; not the shared copies of completions, not a line
    that a kill cut off."""
    entries = {"id 0 item#0@h": reply(), "id 0 completion:c": reply(), "id 1 item#1@h": reply()}
    journal(tmp_path / "part-1", "t1.jsonl", entries, tail=b'{"key":"id 2 it')
    journal(tmp_path / "part-2", "t2.jsonl", {"id 0 item#0@h": reply(cost=0.5)})
    journal(tmp_path / "part-1", "completions-s.jsonl", {"c": reply()})
    found = spent(tmp_path, ["sim/noisy"], "1,10")
    assert (found.questions, found.completions, found.judgements) == (3, 1, 0)
    assert (found.tokens_in, found.tokens_out) == (4000, 400)
    assert found.dollars == pytest.approx(3 * 0.002 + 0.5)


def test_a_judge_counts_once_and_at_its_own_price(tmp_path: Path) -> None:
    """A verdict is paid for once, whatever runs note that they paid for it; its tokens and dollars
    count, by the judge's price, else by that of all models, else the sum is unknown."""
    entries = {"id 0 item#0@h": reply(), "id 0 judge j h s p #0.0": reply(cost=0.02)}
    journal(tmp_path, "t1.jsonl", entries)
    journal(tmp_path, "judgements.jsonl", {"id 0 judge j h s p #0.0": reply()})
    models = ["openai-api/nowhere/m"]
    found = spent(tmp_path, models, "1,10", judge="sim/judge", judge_price="2,20")
    assert (found.questions, found.judgements, found.tokens_in) == (1, 1, 2000)
    assert found.dollars == pytest.approx(0.002 + 0.004)
    assert spent(tmp_path, models, "1,10", judge="x/j").dollars == pytest.approx(0.004)
    assert spent(tmp_path, ["sim/noisy"], None, judge="openai-api/nowhere/j").dollars is None


def test_dollars_are_unknown_where_a_price_is(tmp_path: Path) -> None:
    """A model without a price makes the sum unknown, never less; a failed call costs nothing, and
    simulated models cost nothing."""
    journal(tmp_path, "t.jsonl", {"id 0 a": reply(model="m"), "id 0 b": reply(error="no")})
    assert spent(tmp_path, ["openai-api/nowhere/m", "openai-api/nowhere/n"], None).dollars is None
    assert spent(tmp_path, ["sim/noisy"], None).dollars == 0.0
    assert spent(tmp_path / "none", ["sim/noisy"], None).dollars == 0.0


@pytest.mark.parametrize("name", ["refusal-stated", "steering-open-ended"])
def test_the_judge_of_a_design_counts_at_its_own_price(name: str, tmp_path: Path) -> None:
    """Whatever kind of study names it; what was asked of simulated and steered models costs
    nothing."""
    study = get_study(name)
    given = {"judge": "openai-api/nowhere/j", "judge_price": "2,20"}
    design = study.design(read_parameters(study, given, rehearse=True))
    journal(tmp_path, "t1.jsonl", {"id 0 item#0@h": reply()})
    journal(tmp_path, "judgements.jsonl", {"id 0 judge j h s p #0.0": reply()})
    found = spent_on(design, None, tmp_path)
    assert (found.judgements, found.dollars) == (1, pytest.approx(0.004))
