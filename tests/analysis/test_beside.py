"""Steered estimates beside random directions, from records with planted logits."""

from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from harness.analysis.beside import beside_random
from harness.cli.controls import controls
from harness.errors import PenchantError, UsageError
from harness.records.beside import Directions, controls_of, read_controls
from harness.records.files import write_table
from harness.records.kept import Common
from harness.records.record import Record, frame
from harness.wire import CONTROL_KINDS, Reply

N = 32


def told(estimates: dict[str, list[float]], sides: bool = False) -> str:
    """The column of a record; the label mass is .5, the refusal .1 and the coherence −2."""
    found = {}
    for kind, values in estimates.items():
        count = len(values)
        found[kind] = Directions(
            estimate=tuple(values),
            mass=(0.5,) * count,
            refusal=(0.1,) * count if sides else (),
            coherence=(-2.0,) * count if sides else (),
        )
    return msgspec.json.encode(found).decode()


def pushes(seed: int = 0) -> dict[str, list[float]]:
    """What each direction does to the item of interest: .8 the vector, SD .2 the others."""
    rng = np.random.default_rng(seed)
    drawn = {kind: (0.2 * rng.standard_normal(N)).tolist() for kind in ("random", "angled")}
    return {"unsteered": [0.0], "vector": [0.8], **drawn}


COMMON = {
    "template": "t",
    "template_hash": "h",
    "timing": "pre",
    "response": "plain",
    "readout": "logprobs",
    "labels": "A,B",
    "rater": "steering/m",
    "outcome": "answered",
    "vector": "v",
    "coef": 0.1,
}


def choices(*, pushed: bool = True, orders: int = 2, position: float = 1.5) -> pl.DataFrame:
    """Ten pairs in both orders: pair k has content k/10, the vector pushes its second item up."""
    rows = []
    for pair in range(10):
        names = (f"i{2 * pair}", f"j{2 * pair + 1}")
        for shown in range(orders):
            first, second = names if shown == 0 else names[::-1]
            sign = 1 if first == names[1] else -1
            logits = {
                kind: [sign * (pair / 10 + each) + position for each in values]
                for kind, values in pushes().items()
            }
            facts = {
                "prompt_hash": f"{pair}{shown}",
                "item_first": first,
                "item_second": second,
                "origin_first": first[0],
                "origin_second": second[0],
                "pushed": names[1] if pushed else None,
                "controls": told(logits, sides=pair == 0),
            }
            rows.append(Record(kind="choice", choice="first", p_first=0.6, **COMMON, **facts))  # type: ignore[arg-type]
    return frame(rows)


def test_planted_shift_and_position_come_back() -> None:
    """.8 towards the pushed item, however it is shown; position 1.5 is none of it; p = 1 / 33."""
    (found,) = beside_random(choices())
    own = found.table.row(1, named=True)
    assert found.units == 10 and found.sides == 2
    assert own["kind"] == "vector" and own["shift"] == pytest.approx(0.8)
    assert own["position"] == pytest.approx(1.5) and own["position_shift"] == pytest.approx(0)
    assert (own["label_mass"], own["refusal"], own["coherence"]) == pytest.approx((0.5, 0.1, -2))
    assert found.p_random == found.p_angled == pytest.approx(1 / 33)
    assert found.table["kind"].value_counts().sort("kind")["count"].to_list() == [N, N, 1, 1]


def test_of_a_pair_pushed_alike_an_origin_has_to_be_named() -> None:
    """Its shift is then towards that origin; without it nothing says what the sign means."""
    with pytest.raises(UsageError, match="--towards"):
        beside_random(choices(pushed=False))
    for origin, sign in (("j", 1), ("i", -1)):
        (found,) = beside_random(choices(pushed=False), towards=origin)
        assert found.table["shift"][1] == pytest.approx(sign * 0.8)
    with pytest.raises(UsageError, match="no pair"):
        beside_random(choices(), towards="k")


def test_one_order_alone_tells_nothing_of_position() -> None:
    """Pairs in one order are refused, as are records without controls."""
    with pytest.raises(UsageError, match="both orders"):
        beside_random(choices(orders=1))
    with pytest.raises(UsageError, match="controls=32"):
        beside_random(choices().with_columns(pl.lit(None, pl.String).alias("controls")))


def test_a_rating_moves_by_its_value() -> None:
    """The change is of the expected value, over items; there is no position."""
    rows = []
    for item in range(6):
        moved = {kind: [item / 10 + each for each in own] for kind, own in pushes(1).items()}
        facts = {"prompt_hash": str(item), "item": f"i{item}", "origin": "o"}
        measured = {"value": 3.0, "normalised": 0.5, "controls": told(moved)}
        rows.append(Record(kind="rating", **COMMON, **facts, **measured))  # type: ignore[arg-type]
    (found,) = beside_random(frame(rows))
    assert found.table["shift"][1] == pytest.approx(0.8) and found.units == 6
    assert found.table["position"].is_nan().all()


@pytest.mark.parametrize("kind", ["choice", "rating"])
def test_the_column_is_read_from_the_reply(kind: str) -> None:
    """By label, whatever order the server was asked in; a choice's logit, a rating's mean."""
    common = Common(
        facts={"kind": kind},
        allowed=("A", "B"),
        values=(1.0, 5.0),
        banned=(),
        completes=False,
        readout="logprobs",
        min_label_mass=0.0,
    )
    rows = {name: [{"choices": [0.1, 0.3]}] for name in CONTROL_KINDS}
    reply = Reply(text="A", choices={"B": 0.1, "A": 0.3}, steering={"controls": rows})
    found = read_controls(controls_of(common, reply) or "")["random"]
    assert found.mass == pytest.approx((0.4,))
    expected = np.log(3) if kind == "choice" else 2.0
    assert found.estimate == pytest.approx((expected,))
    assert controls_of(common, Reply(text="A", error="gone")) is None
    for bad in ("{", "{}", '{"unsteered": 3}'):
        with pytest.raises(UsageError, match="controls"):
            read_controls(bad)


def test_the_command_prints_the_table_and_writes_a_row_a_direction(tmp_path: Path) -> None:
    """From a record table as from logs."""
    table, out = tmp_path / "records.csv", tmp_path / "out.csv"
    write_table(choices(), table)
    done = CliRunner(env={"COLUMNS": "160"}).invoke(controls, [str(table), "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert "+0.800 [0.800, 0.800]" in done.output and "p by rank of |shift|: 0.030" in done.output
    assert pl.read_csv(out).height == 2 + 2 * N
    wrong = CliRunner().invoke(controls, [str(table), "-o", "x.txt"], standalone_mode=False)
    assert isinstance(wrong.exception, PenchantError)
