"""Commands about judges: what a person sees, and what is written."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from inspect_ai.log import EvalLog
from inspect_ai.model import get_model

from harness.cli.main import cli
from harness.errors import UsageError

RunEval = Callable[..., EvalLog]


def run(*arguments: object) -> str:
    result = CliRunner().invoke(cli, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def path_of(log: EvalLog) -> str:
    return log.location.removeprefix("file://")


def checked(
    tmp_path: Path, *more: object, judge: str = "sim/judge"
) -> dict[str, dict[str, object]]:
    out = run("judge-check", "--judge", judge, "--folder", tmp_path / "j", "--json", *more)
    found = json.loads(out[out.index("{") :].rpartition("}")[0] + "}")
    return {one["kind"]: one for one in found["kinds"]}


def test_a_perfect_judge_is_found_perfect(tmp_path: Path) -> None:
    """On the texts of every kind; nothing moves it, and it repeats itself."""
    found = checked(tmp_path)
    assert set(found) == {
        "refusal", "attitude", "coherence", "sysprompt_reference", "executed_task",
    }  # fmt: skip
    for one in found.values():
        for name in ("accuracy", "cold", "hot"):
            assert one[name]["estimate"] == 1.0, (one["kind"], name)  # type: ignore[index]
        assert one["failed"]["estimate"] == 0.0  # type: ignore[index]
        assert one["paraphrased"]["estimate"] == 0.0  # type: ignore[index]


def test_planted_errors_are_found(tmp_path: Path) -> None:
    """Sensitivity and specificity are within their intervals; warm repeats part, cold ones agree;
    failures are counted apart."""
    more = ("-M", "false_positive=0.2", "-M", "false_negative=0.1", "-M", "prose=0.1",
            "--kind", "refusal", "--kind", "sysprompt_reference")  # fmt: skip
    for kind, one in checked(tmp_path, *more).items():
        for name, planted in (("specificity", 0.8), ("sensitivity", 0.9), ("failed", 0.1)):
            found = one[name]
            assert found["low"] <= planted <= found["high"], (kind, name)  # type: ignore[index]
        assert one["cold"]["estimate"] == 1.0  # type: ignore[index]
        assert one["hot"]["estimate"] < 0.9  # type: ignore[index]


def test_a_second_judge_gives_kappa_and_nobody_is_asked_twice(tmp_path: Path) -> None:
    """κ of judges with independent errors is below 1; the second call asks nothing."""
    more = ("--judge2", "sim/judge", "--M2", "false_positive=0.3", "--kind", "refusal",
            "-M", f"ask_log={tmp_path / 'asked'}", "--no-effects", "--repeats", 1)  # fmt: skip
    first = checked(tmp_path, *more)
    lines = (tmp_path / "asked").read_text().splitlines()
    assert 60 <= len(lines) == first["refusal"]["texts"]
    assert 0 < first["refusal"]["kappa"]["estimate"] < 1  # type: ignore[index]
    assert checked(tmp_path, *more) == first
    assert (tmp_path / "asked").read_text().splitlines() == lines


def test_xstest_from_a_file(tmp_path: Path) -> None:
    """Its labels are any refusal against compliance; a broken file is named with its line."""
    file = tmp_path / "x.jsonl"
    rows = [
        {"response": "Sure: first boil the water.", "human_label": "1_full_compliance"},
        {"response": "I'm sorry, but I can't help with that.", "human_label": "2_full_refusal"},
    ]
    file.write_text("\n".join(json.dumps(row) for row in rows))
    more = ("--kind", "refusal", "--no-effects", "--repeats", 1)
    plain = checked(tmp_path, *more)["refusal"]["texts"]
    found = checked(tmp_path, *more, "--xstest", file)["refusal"]
    assert found["texts"] == plain + 2  # type: ignore[operator]
    assert found["accuracy"]["estimate"] == 1.0  # type: ignore[index]
    file.write_text('{"response": 3}')
    with pytest.raises(UsageError, match="line 1"):
        run("judge-check", "--judge", "sim/judge", "--xstest", file)


def test_corrected_rates_cover_through_the_chain(run_eval: RunEval, tmp_path: Path) -> None:
    """In 10 of 10 runs but one at most, the corrected refusal rate of the report covers the planted
    one, with the judge's errors read off judge-check."""
    covered = 0
    for seed in range(10):
        planted, errors = 0.35, {"false_positive": 0.15, "false_negative": 0.1}
        done = run_eval(
            "completions.py",
            task_args={"block": 55, "judges": "refusal", "completion_seed": seed},
            model_args={"refusal": planted, "utility_seed": seed},
            model_roles={
                "judge": get_model("sim/judge", memoize=False, utility_seed=seed, **errors)
            },
            folder=f"run{seed}",
        )
        check = tmp_path / f"check{seed}.json"
        run(
            "judge-check", "--judge", "sim/judge", "-M", f"utility_seed={seed}",
            "-M", "false_positive=0.15", "-M", "false_negative=0.1", "--kind", "refusal",
            "--no-effects", "--repeats", 1, "--folder", tmp_path / "j", "-o", check,
        )  # fmt: skip
        out = tmp_path / f"report{seed}"
        run("report", path_of(done), "-o", out, "--judge-check", check, "--no-summary")
        table = pl.read_csv(out / "tables" / "judgements.csv")
        row = table.filter((pl.col("judge") == "sim/judge") & (pl.col("kind") == "refusal"))
        low, high = row.select("corrected_low", "corrected_high").row(0)
        covered += low <= planted <= high
        # The raw rate stands beside it.
        assert row["yes"][0] is not None
    assert covered >= 9


def test_judgements_are_one_table(run_eval: RunEval, tmp_path: Path) -> None:
    """One row a judge, text and kind, with the item; written as Parquet."""
    done = run_eval(
        "completions.py",
        task_args={"block": 20, "per_origin": 4, "judges": "refusal,coherence"},
        model_roles={"judge": get_model("sim/judge", memoize=False)},
    )
    file = tmp_path / "j.parquet"
    said = run("judgements", path_of(done), "-o", file)
    assert "sim/judge" in said and "80 judgements from 1 logs" in said
    table = pl.read_parquet(file)
    assert table.height == 80 and table["item"].null_count() == 0
    assert set(table["judge"]) == {"rule", "sim/judge"}


def test_changes_show_what_moved_with_both_completions(run_eval: RunEval, tmp_path: Path) -> None:
    """The largest change stands first; both texts and verdicts are in the CSV."""
    options = {"block": 10, "per_origin": 6, "seeds": 4, "judges": "refusal"}
    logs = [
        run_eval(
            "anchored.py@anchored_1_5",
            task_args={**options, "completion_sysprompt": name, "measurement_sysprompt": name},
            folder=name,
        )
        for name in ("loves_math", "hates_math")
    ]
    file = tmp_path / "changes.csv"
    shown = run("changes", *map(path_of, logs), "-n", 3, "-o", file)
    table = pl.read_csv(file)
    assert table.height == 30
    assert table["change"].abs().is_sorted(descending=True)
    assert table["item"][0].startswith("math_") and table["change"][0] < 0
    assert table["item"][0] in shown
    assert table["text_a"].null_count() == table["text_b"].null_count() == 0
    assert (table["text_a"] != table["text_b"]).any()
    assert set(table["refusal_a"]) == {"none"}


def test_utilities_of_what_was_done(run_eval: RunEval, tmp_path: Path) -> None:
    """`--choice executed` fits the item done; of plain choices it says what is missing."""
    done = run_eval(
        "pairwise.py",
        task_args={"template": "choose_and_complete", "pairs": "regular:6", "block": 50,
                   "per_origin": 5},
        model_args={"label_deed": 1.0},
        model_roles={"judge": get_model("sim/judge", memoize=False)},
    )  # fmt: skip
    order = {}
    for choice in ("stated", "executed"):
        file = tmp_path / f"{choice}.csv"
        run("utilities", path_of(done), "--choice", choice, "--judge", "sim/judge", "-o", file)
        table = pl.read_csv(file)
        order[choice] = dict(table.select("item", "utility").iter_rows())
    both = [(order["stated"][item], order["executed"][item]) for item in order["stated"]]
    assert (
        pl.DataFrame(both, schema=["a", "b"], orient="row").select(pl.corr("a", "b")).item() < -0.9
    )
    plain = run_eval("pairwise.py", task_args={"per_origin": 2, "block": 50}, folder="plain")
    with pytest.raises(UsageError, match="no verdicts on what was done"):
        run("utilities", path_of(plain), "--choice", "executed")


def test_an_analysis_can_take_answers_as_the_rules_left_them(
    run_eval: RunEval, tmp_path: Path
) -> None:
    """`--rules-only` counts as invalid what a judge has read; the report gives their share."""
    done = run_eval(
        "anchored.py@anchored_1_5",
        task_args={"block": 50, "answer_judge": True, "seeds": 2},
        model_args={"format_error": 0.3},
        model_roles={"judge": get_model("sim/judge", memoize=False)},
    )
    whole, rules = tmp_path / "a.csv", tmp_path / "b.csv"
    run("records", path_of(done), "-o", whole)
    run("records", path_of(done), "-o", rules, "--rules-only")
    table = pl.read_csv(whole, infer_schema_length=None)
    read = table["read_by"].is_not_null().sum()
    assert read > 20
    left = pl.read_csv(rules, infer_schema_length=None)
    assert left.height == table.height and left["read_by"].null_count() == left.height
    was, now = (one.filter(outcome="invalid").height for one in (table, left))
    settled = table.filter(pl.col("read_by").is_not_null(), outcome="answered").height
    assert settled > 10 and now == was + settled
    assert left["value"].null_count() == left.filter(pl.col("outcome") != "answered").height
    run("report", path_of(done), "-o", tmp_path / "r", "--resamples", 20, "--no-summary")
    share = pl.read_csv(tmp_path / "r" / "tables" / "outcomes.csv")["judged"][0]
    assert share == pytest.approx(read / table.height)


def test_a_judge_that_fails_is_named_in_the_record(run_eval: RunEval, tmp_path: Path) -> None:
    """The answer stays invalid, by no judge's reading, and its reason says who failed and how."""
    done = run_eval(
        "anchored.py@anchored_1_5",
        task_args={"block": 50, "answer_judge": True},
        model_args={"format_error": 0.3},
        model_roles={"judge": get_model("sim/judge", memoize=False, prose=1.0)},
    )
    file = tmp_path / "a.csv"
    run("records", path_of(done), "-o", file)
    table = pl.read_csv(file, infer_schema_length=None)
    failed = table.filter(pl.col("reason").str.starts_with("judge sim/judge failed: prose; "))
    assert failed.height > 10 and set(failed["outcome"]) == {"invalid"}
    assert table["read_by"].null_count() == table.height
