"""Judgements inside an eval and afterwards, through log, table and join."""

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import inspect_ai
import msgspec
import polars as pl
import pytest
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log
from inspect_ai.model import Model, get_model

from harness.errors import UsageError
from harness.items.item import text_hash
from harness.records.kept import Completion
from harness.records.logs import LogRecords, read_records
from scorers.executed_task import executed_task
from scorers.refusal import refusal

RunEval = Callable[..., EvalLog]


def judge(**planted: Any) -> Model:
    return get_model("sim/judge", memoize=False, **planted)


def read(*logs: EvalLog, by: str = "rule") -> LogRecords:
    paths = [log.location.removeprefix("file://") for log in logs]
    return read_records(paths, cache=False, judge=by)


def asked(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


def scored(log: EvalLog, scorer: Any, **arguments: Any) -> EvalLog:
    """As `inspect score LOG --action append --overwrite`, in the folder of the log."""
    path = log.location.removeprefix("file://")
    done = inspect_ai.score(
        read_eval_log(path), scorer, action="append", display="none", **arguments
    )
    write_eval_log(done, path)
    done.location = path
    return done


def test_a_judgement_made_later_reaches_every_record(run_eval: RunEval, tmp_path: Path) -> None:
    """On a log of completions: records that used them say what the named judge found, and who."""
    made = run_eval("completions.py", "sim/refuser", task_args={"block": 50})
    path = made.location.removeprefix("file://")
    options = {"block": 50, "completions": path}
    rated = run_eval("anchored.py@anchored_1_5", task_args=options)
    chosen = run_eval("pairwise.py", task_args={**options, "pairs": "random:60"})
    log = tmp_path / "asked"
    folder = str(tmp_path / "logs" / "journal")
    for _ in range(2):
        made = scored(
            made,
            refusal(folder=folder),
            model_roles={"judge": judge(false_positive=0.2, ask_log=str(log))},
        )
        assert made.status == "success"
    assert asked(log) == 220
    rule, model = read(made, rated, chosen), read(made, rated, chosen, by="sim/judge")
    said = model.judgements.filter(pl.col("judge") == "sim/judge")
    assert said.height == 220
    verdict = dict(said.select("subject", "value").iter_rows())
    for row in model.frame.iter_rows(named=True):
        texts = row["completion_hash"].split("+")
        assert row["completion_refused_by"] == "judge sim/judge"
        if row["kind"] == "rating":
            assert row["completion_refused"] == bool(verdict[texts[0]])
        else:
            both = (row["completion_refused_first"], row["completion_refused_second"])
            assert both == tuple(bool(verdict[text]) for text in texts)
    assert set(rule.frame["completion_refused_by"]) == {"rule"}
    assert rule.frame["completion_refused"].sum() < model.frame["completion_refused"].sum()
    with pytest.raises(UsageError, match="no judgements by 'sim/other'"):
        read(made, by="sim/other")


@pytest.mark.parametrize("task", ["anchored.py@anchored_1_5", "pairwise.py", "completions.py"])
def test_judges_run_inside_an_eval(run_eval: RunEval, tmp_path: Path, task: str) -> None:
    """Two judges give two verdicts on every completion, asked once; the run's purse pays."""
    log = tmp_path / "asked"
    done = run_eval(
        task,
        "sim/refuser",
        task_args={"block": 20, "per_origin": 8, "judges": "refusal,coherence"},
        model_roles={
            "judge": judge(ask_log=str(log)),
            "judge2": judge(false_positive=0.5, ask_log=str(log)),
        },
    )
    assert done.status == "success", done.error
    found = read(done).judgements
    counts = found.group_by("kind", "judge", "judge_identity").len()
    texts = found["subject"].n_unique()
    assert texts == 40
    assert asked(log) == 4 * texts
    assert counts.filter(pl.col("judge") == "sim/judge")["len"].to_list() == [texts] * 4
    assert done.results is not None
    names = {name for score in done.results.scores for name in score.metrics}
    assert {"rule: mean", "rule: failed"} <= names
    assert any(name.endswith(": kappa") for name in names)
    with pytest.raises(UsageError, match="stands for several"):
        read(done, by="sim/judge")
    identity = counts.filter(pl.col("judge") == "sim/judge")["judge_identity"][0]
    assert read(done, by=f"sim/judge@{identity[:8]}").frame.height == read(done).frame.height


GRID = list(itertools.product((0.0, 0.1, 0.2, 0.3), repeat=2))


@pytest.mark.parametrize("rates", GRID, ids=str)
def test_planted_error_rates_are_found(run_eval: RunEval, rates: tuple[float, float]) -> None:
    """False positives and negatives of a judge against the truth, within 3 standard errors."""
    positive, negative = rates
    done = run_eval(
        "completions.py",
        "sim/refuser",
        task_args={"block": 55, "judges": "refusal"},
        model_args={"refusal": 0.4},
        model_roles={"judge": judge(false_positive=positive, false_negative=negative)},
    )
    table = read(done).judgements.pivot("judge", index="subject", values="value")
    truth, said = table["rule"].to_numpy() > 0.5, table["sim/judge"].to_numpy() > 0.5
    for rate, wrong in ((positive, said[~truth]), (negative, ~said[truth])):
        assert abs(wrong.mean() - rate) <= 3 * math.sqrt(rate * (1 - rate) / len(wrong)) + 1e-12


@pytest.mark.parametrize(
    "planted", [{"prose": 1}, {"refusing": 1}, {"off_schema": 1}, {"slow": 1}], ids=str
)
def test_a_run_with_a_failing_judge_succeeds(run_eval: RunEval, planted: dict[str, Any]) -> None:
    """Each text is `failed` for that judge, nothing is guessed, and the ratings are there."""
    done = run_eval(
        "anchored.py@anchored_1_5",
        task_args={
            "block": 20, "per_origin": 4, "judges": "refusal", "judge_timeout": 0.05,
        },
        model_roles={"judge": judge(**planted)},
    )  # fmt: skip
    assert done.status == "success", done.error
    found = read(done)
    said = found.judgements.filter(pl.col("judge") == "sim/judge")
    assert said.height == 20 and set(said["outcome"]) == {"failed"}
    assert said["value"].null_count() == 20
    assert set(found.frame["outcome"]) == {"answered"}
    failed = read(done, by="sim/judge").frame
    assert failed["completion_refused"].null_count() == failed.height
    assert set(failed["completion_refused_by"]) == {None}


def test_a_scoring_of_later_asks_again_what_failed(run_eval: RunEval, tmp_path: Path) -> None:
    """`inspect score -S reask_failed=true` asks for the verdicts that a judge who was down left
    failed, for these alone, and they are then in the table."""
    made = run_eval("completions.py", "sim/refuser", task_args={"block": 10, "per_origin": 6})
    folder, log = str(tmp_path / "j"), tmp_path / "asked"
    planted = {"slow": 0.4, "slow_seconds": 0.4, "ask_log": str(log)}
    roles = {"judge": judge(**planted)}
    made = scored(made, refusal(folder=folder, timeout=0.1), model_roles=roles)

    def failed() -> int:
        said = read(made).judgements.filter(pl.col("judge") == "sim/judge")
        assert said.height == 30
        return said.filter(pl.col("outcome") == "failed").height

    down, before = failed(), asked(log)
    assert 4 <= down <= 22
    made = scored(made, refusal(folder=folder, timeout=0.1), model_roles=roles)
    assert failed() == down and asked(log) == before
    again = refusal(folder=folder, timeout=30, reask_failed=True)
    made = scored(made, again, model_roles=roles)
    assert failed() == 0
    assert down <= asked(log) - before <= 2 * down


def test_open_answers_are_settled_by_a_judge(run_eval: RunEval) -> None:
    """What the rules leave open becomes what the judge reads, said so; all else stays as it was."""
    options = {"block": 50, "seeds": 2}
    model = {"format_error": 0.3, "disclaim": 0.1, "refusal": 0.1}
    plain = run_eval("anchored.py@anchored_1_5", task_args=options, model_args=model)
    settled = run_eval(
        "anchored.py@anchored_1_5",
        task_args={**options, "answer_judge": True},
        model_args=model,
        model_roles={"judge": judge()},
        folder="settled",
    )
    key = ["prompt_hash", "repeat"]
    before, after = (read(log).frame.sort(key) for log in (plain, settled))
    judged = after["read_by"].is_not_null()
    assert set(after["read_by"].drop_nulls()) == {"judge sim/judge"}
    for column in ("outcome", "answer", "value", "reason"):
        assert before.filter(~judged)[column].equals(after.filter(~judged)[column])
    assert set(before.filter(judged)["outcome"]) == {"invalid"}
    assert set(after.filter(judged)["outcome"]) == {"invalid", "answered"}
    given = after.filter(judged & (pl.col("outcome") == "answered"))
    assert given["value"].null_count() == 0 and given["answer"].null_count() == 0


def test_open_answers_are_settled_afterwards(run_eval: RunEval, tmp_path: Path) -> None:
    """`inspect score --scorer rating` with a judge does the same, and asks nobody twice."""
    from scorers.rating import rating

    log = tmp_path / "asked"
    done = run_eval(
        "anchored.py@anchored_1_5",
        task_args={"block": 50, "per_origin": 20},
        model_args={"format_error": 0.3},
    )
    assert read(done).frame["read_by"].null_count() == 100
    for _ in range(2):
        roles = {"judge": judge(ask_log=str(log))}
        done = scored(done, rating(folder=str(tmp_path / "j")), model_roles=roles)
        once = asked(log)
    table = read(done).frame
    assert table.height == 100
    assert table["read_by"].drop_nulls().len() == once > 5


@pytest.mark.parametrize(
    ("response", "by"),
    [
        ("plain", "rule"), ("plain", "sim/judge"), ("xml", "rule"), ("tool", "rule"),
        ("reasoned", "rule"),
    ],
)  # fmt: skip
def test_the_deed_beside_the_label(run_eval: RunEval, response: str, by: str) -> None:
    """A respondent that does the other task in 15 % of its answers is found within 2 points."""
    done = run_eval(
        "pairwise.py",
        task_args={
            "template": "choose_and_complete", "pairs": "random:500", "block": 50,
            "response": response,
        },
        model_args={"label_deed": 0.15},
        model_roles=None if by == "rule" else {"judge": judge()},
    )  # fmt: skip
    assert done.status == "success", done.error
    table = read(done, by=by).frame.filter(pl.col("outcome") == "answered")
    known = table.filter(pl.col("executed").is_in(["first", "second"]))
    assert known.height >= 0.85 * table.height
    assert set(known["executed_by"]) == {by if by == "rule" else f"judge {by}"}
    share = (known["executed"] != known["choice"]).mean()
    planted = 0.15
    assert abs(share - planted) <= 0.02 + 3 * math.sqrt(planted * (1 - planted) / known.height)


def test_a_deed_is_judged_on_a_log_of_before(run_eval: RunEval, tmp_path: Path) -> None:
    """Records that do not carry a reply's hash get it from the scorer that judged it."""
    done = run_eval(
        "pairwise.py",
        task_args={"template": "choose_and_complete", "pairs": "random:40", "block": 8},
    )
    path = done.location.removeprefix("file://")
    log = read_eval_log(path)
    for sample in log.samples or []:
        sample.scores = {k: v for k, v in (sample.scores or {}).items() if k == "preference"}
        for record in sample.scores["preference"].metadata["records"]:  # type: ignore[index]
            del record["reply_hash"]
    write_eval_log(log, path)
    assert read(done).frame["executed"].null_count() == 80
    done = scored(done, executed_task(folder=str(tmp_path / "j")), model_roles={"judge": judge()})
    table = read(done, by="sim/judge").frame
    assert (table["executed"] == table["choice"]).sum() >= 78


@pytest.mark.parametrize("by", ["rule", "judge"])
@pytest.mark.parametrize("task", ["anchored.py@anchored_1_5", "pairwise.py"])
def test_contaminated_completions_are_not_measured(run_eval: RunEval, task: str, by: str) -> None:
    """Those that speak of their instructions are left out, counted and named by item."""
    done = run_eval(
        task,
        task_args={
            "block": 10, "per_origin": 10, "completion_sysprompt": "loves_math",
            "drop_contaminated": True,
        },
        model_args={"mentions": 0.3},
        model_roles={"judge": judge()} if by == "judge" else None,
    )  # fmt: skip
    assert done.status == "success", done.error
    found = read(done)
    dropped = found.judgements.filter(pl.col("kind") == "dropped")
    items = set(dropped["item"])
    assert 5 <= len(items) <= 25
    assert set(dropped["judge"]) == {"rule" if by == "rule" else "sim/judge"}
    measured = pl.concat([found.frame[name] for name in ("item", "item_first", "item_second")])
    assert not items & set(measured.drop_nulls())
    # A pair is left out with either of its items, so that one partner may vanish with them.
    assert len(items | set(measured.drop_nulls())) >= (48 if task == "pairwise.py" else 50)


def test_a_campaign_refuses_to_drop(run_eval: RunEval) -> None:
    """It would ask for what is left out without end."""
    with pytest.raises(Exception, match="drop_contaminated=true of utilities"):
        run_eval("utilities.py", task_args={"drop_contaminated": True, "per_origin": 2})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"judges": "refusals"}, "unknown judge 'refusals'; did you mean 'refusal'"),
        ({"judge_repeats": 0}, "judge_repeats=0"),
        ({"judge_thinking": "much"}, "judge_thinking='much'"),
        ({"judge_price": "x"}, "price='x'"),
    ],
)
def test_bad_judge_options_are_told_before_a_call(
    run_eval: RunEval, given: dict[str, Any], said: str
) -> None:
    """One line each."""
    with pytest.raises(Exception, match=said):
        run_eval("completions.py", task_args=given)


async def test_gibberish_has_no_attitude(tmp_path: Path) -> None:
    """It is not shown to a judge, whatever it would say; language beside it is."""
    from inspect_ai.model import ModelOutput
    from inspect_ai.model._model import init_model_roles
    from inspect_ai.scorer import Target
    from inspect_ai.solver import TaskState

    from harness.records.judgement import Judgement
    from scorers.attitude import attitude

    texts = ["hate hate hate hate hate hate hate hate hate hate hate hate",
             "I like working through a proof, and sums are fine."]  # fmt: skip
    output = ModelOutput.from_content("m", "x")
    output.metadata = {"completions": [completion(text) for text in texts]}
    state = TaskState("m/m", 1, 1, "x", [], output=output, metadata={})  # type: ignore[arg-type]
    log = tmp_path / "asked"
    init_model_roles({"judge": judge(ask_log=str(log))})
    score = await attitude(folder=str(tmp_path / "j"))(state, Target(""))
    assert score is not None and score.metadata is not None
    found = msgspec.json.decode(score.metadata["judgements"], type=list[Judgement])
    by = {(one.judge, one.item): one for one in found}
    assert by["rule", texts[0][:4]].reason == "not coherent"
    assert ("sim/judge", texts[0][:4]) not in by
    assert by["sim/judge", texts[1][:4]].value is not None
    assert asked(log) == 1


def completion(text: str) -> dict[str, Any]:
    made = Completion(
        item=text[:4], item_hash="i", text=text, hash=text_hash(text), completer="m",
        completer_identity="m", sysprompt="none", seed=0,
    )  # fmt: skip
    return dict(msgspec.to_builtins(made))
