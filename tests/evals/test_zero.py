"""A zero from the option to the fit: opt-out, neither, indifferent, yes or no, as planted."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from inspect_ai.log import EvalLog

from harness.cli.main import cli
from harness.errors import UsageError
from harness.items.builtin import builtin_items
from harness.records.logs import read_records
from harness.respondent.settings import settings_for
from harness.respondent.utility import utility
from harness.stats.choices.questions import questions_from_records
from harness.stats.zero.below import placed
from harness.stats.zero.records import from_zero

RunEval = Callable[..., EvalLog]
PLANTED = {"misfit": 0, "optout": -0.8, "outside": -0.2, "taking": -0.8, "indifference": 0.6}
CHOICES = {
    "timing": "pre",
    "per_origin": 10,
    "pairs": "regular:20",
    "orders": "balanced",
    "block": 100,
}


def truth(items: pl.Series) -> np.ndarray:
    settings = settings_for("faithful", PLANTED)
    texts = {item.id: item.text for item in builtin_items()}
    return np.array([utility(texts[name], settings) for name in items])


def check(records: pl.DataFrame, zero: str, planted: float) -> None:
    """The planted zero lies where it was put, and few items are on the wrong side of it."""
    found = from_zero(records, zero)
    true = truth(found.table["item"]) - planted
    away = np.abs(found.table["utility"].to_numpy() - true)
    assert (away < 1.96 * found.table["se"].to_numpy()).mean() > 0.8
    said = found.table["placed"].to_numpy()
    wrong = ((said == "above") & (true < 0)) | ((said == "below") & (true > 0))
    assert wrong.mean() < 0.05
    assert (said != "").mean() > 0.3


def test_optout(run_eval: RunEval) -> None:
    """`-T optout=` sets items against the opt-out in both orders; it is no item of the ranking."""
    log = run_eval("pairwise.py", model_args=PLANTED, task_args={**CHOICES, "optout": 0.2})
    assert log.status == "success"
    records = read_records([log.location]).frame
    against = records.filter(pl.col("zero") == "optout")
    assert against.height == 0.2 * 500
    first = (against["origin_first"] == "optout").sum()
    assert first == against.height / 2
    out = pl.concat([against["item_first"], against["item_second"]])
    assert out.filter(out.str.starts_with("optout_")).n_unique() == 4
    questions = questions_from_records(records)
    assert questions.height == 500
    assert not questions["first"].str.starts_with("optout_").any()
    check(records, "optout", PLANTED["optout"])


def test_neither(run_eval: RunEval) -> None:
    """`neither` is an answer, no win and no half of one, and its outside option is found."""
    log = run_eval(
        "pairwise.py",
        model_args=PLANTED,
        task_args={**CHOICES, "template": "choose_or_neither"},
    )
    assert log.status == "success"
    records = read_records([log.location]).frame
    neither = records.filter(pl.col("choice") == "neither")
    assert set(neither["outcome"]) == {"answered"} and 50 < neither.height < 300
    questions = questions_from_records(records)
    assert questions.filter(pl.col("outcome") == "neither")["p"].null_count() == neither.height
    check(records, "neither", PLANTED["outside"])


def test_indifferent(run_eval: RunEval) -> None:
    """`indifferent` is an answer with a threshold that is found, here from an item as the zero."""
    log = run_eval(
        "pairwise.py",
        model_args=PLANTED,
        task_args={
            **CHOICES,
            "template": "choose_or_indifferent",
            "response": "xml",
            "pairs": "regular:40",
        },
    )
    assert log.status == "success"
    records = read_records([log.location]).frame
    item = records["item_first"][0]
    found = from_zero(records, item)
    assert found.fit.threshold == pytest.approx(0.6, abs=0.12)
    contrast, _ = placed(found.fit, item)
    true = truth(pl.Series(found.fit.answers.items))
    assert np.corrcoef(contrast, true)[0, 1] > 0.9


def test_two_zeros(run_eval: RunEval, tmp_path: Path) -> None:
    """Two zeros of one rater, planted at one place, agree; at two places they do not."""
    run_eval(
        "likert.py@yes_no",
        model_args=PLANTED,
        task_args={"per_origin": 10, "seeds": 6, "block": 50},
        folder="both",
    )
    run_eval(
        "pairwise.py",
        model_args=PLANTED,
        task_args={**CHOICES, "template": "choose_or_neither"},
        folder="both",
    )
    run_eval(
        "pairwise.py",
        model_args=PLANTED,
        task_args={**CHOICES, "pairs": "regular:4", "optout": 0.5},
        folder="both",
    )
    records = read_records([tmp_path / "both"]).frame
    check(records, "yes_no", PLANTED["taking"])
    *_, apart = from_zero(records, "neither").zeros
    assert (apart.one, apart.other) == ("neither", "yes_no")
    assert apart.p < 0.05 and apart.low < -0.6 < apart.high
    done = CliRunner().invoke(
        cli,
        ["utilities", str(tmp_path / "both"), "--zero", "yes_no", "-o", str(tmp_path / "z.csv")],
    )
    assert done.exit_code == 0, done.output
    for said in (
        "utilities from yes_no",
        "share of items below yes_no",
        "bailbench",
        "they differ",
        "apart are found in .80",
        "questions against the opt-out, ",
        " % of those about pairs",
    ):
        assert said in done.output
    assert pl.read_csv(tmp_path / "z.csv").height == 50


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"timing": "post"}, "timing=pre"),
        ({"optout": 0.9}, "at most 0.5"),
        ({"optout": -0.1}, "at least 0"),
        ({"template": "choose_or_neither", "readout": "logprobs", "optout": 0}, "readout=sample"),
    ],
)
def test_refused(run_eval: RunEval, given: dict[str, object], said: str) -> None:
    """The opt-out after tasks, shares that are none, and probabilities of a third answer."""
    with pytest.raises(Exception, match=said):
        run_eval("pairwise.py", task_args={"timing": "pre", "optout": 0.1, **given})


def test_zero_refused(run_eval: RunEval, tmp_path: Path) -> None:
    """A zero that the answers do not give, and options of another fit, are refused by name."""
    run_eval("pairwise.py", task_args={"timing": "pre", "per_origin": 2}, folder="plain")
    for more, said in (
        (["--zero", "optout"], "no zero 'optout'"),
        (["--zero", "optout", "--over", "wording"], "--over with --zero"),
        (["--zero", "optout", "--link", "logit"], "--link with --zero"),
    ):
        done = CliRunner().invoke(cli, ["utilities", str(tmp_path / "plain"), *more])
        assert isinstance(done.exception, UsageError)
        assert said in str(done.exception)
