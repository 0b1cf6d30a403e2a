"""Laws of the research log's figures beside what was measured."""

import math

import pytest

from harness.report.parts.table import Column, Table
from harness.stats.intervals import Estimate
from harness.studies.catalogue import NAMES
from harness.studies.reported import FOLDER, published, reported_section


def table(name: str, rows: list[dict[str, object]]) -> Table:
    """A study's table."""
    return Table(name=name, title=name, columns=tuple(Column(k, k) for k in rows[0]), rows=rows)


def value(estimate: float, **more: int) -> Estimate:
    """An estimate with an interval."""
    return Estimate(estimate=estimate, low=estimate - 0.1, high=estimate + 0.1, n=50, **more)


def shown(study: str, *tables: Table) -> dict[tuple[str, str], dict[str, object]]:
    """Rows of the comparison by what and quantity."""
    section = reported_section(study, tables)
    assert section is not None
    return {(str(r["what"]), str(r["quantity"])): r for r in section.tables[0].rows}


def test_a_figure_of_the_log_stands_beside_its_like() -> None:
    """By template and column; a mean over everything is one over all rows, and says how many."""
    rows: list[dict[str, object]] = [
        {"rater": "m", "template": "anchored_1_5", "cross_seed_r": value(0.7, cells=6)},
        {"rater": "m", "template": "stated_1_5", "cross_seed_r": value(0.5, cells=6)},
    ]
    found = shown("seed-sensitivity", table("cross_seed_r", rows))
    one = found["cross seed r by template, anchored 1 5", "mean r"]
    assert (one["reported"], one["measured"]) == ("0.64", value(0.7, cells=6))
    assert found["cross seed r by template, anchored 1 5", "pairs"]["measured"] == 6
    overall = found["cross seed r by template, overall", "mean r"]["measured"]
    assert isinstance(overall, Estimate)
    assert (overall.estimate, overall.cells) == (pytest.approx(0.6), 2)


def test_what_was_not_measured_has_no_value() -> None:
    """A row of the log without its like is shown and says so; nothing is guessed."""
    rows: list[dict[str, object]] = [
        {"rater": "m", "template": "anchored_1_5", "cross_seed_r": value(0.7)}
    ]
    one = shown("seed-sensitivity", table("cross_seed_r", rows))[
        "cross seed r by template, likert agreement", "mean r"
    ]
    assert one["measured"] is None and one["of"] == "not measured here"


def test_a_model_is_known_by_its_name_without_provider_and_settings() -> None:
    """`openrouter/qwen/qwen3-32b(thinking=off)` is the log's qwen3-32b, and no other is."""
    rows: list[dict[str, object]] = [
        {"rater": "openrouter/qwen/qwen3-32b(thinking=off)", "icc": value(0.8)},
        {"rater": "openrouter/qwen/qwen3-32b-nothink", "icc": value(0.1)},
    ]
    found = shown("discrimination", table("by_rater", rows))
    assert found["by rater, qwen3-32b", "icc"]["measured"] == value(0.8)
    assert found["by rater, qwen3-32b-nothink", "icc"]["measured"] == value(0.1)


def test_two_names_are_a_pair_in_either_order() -> None:
    """A correlation of two templates has no first and second."""
    rows: list[dict[str, object]] = [
        {"one": "simple_preference", "two": "enjoy_most", "across": value(0.5)}
    ]
    found = shown("pairwise-templates", table("correlations", rows))
    one = found["correlation, enjoy most ~ simple preference", "pearson"]
    assert one["measured"] == value(0.5)


def test_self_and_others_are_told_apart() -> None:
    """The log's `self` are a rater's own completions, its `others` all the rest."""
    own = [
        {"rater": rater, "completer": completer, "template": "fruit_rating", "icc": value(icc)}
        for rater, completer, icc in (("p/gemma-3-27b", "p/gemma-3-27b", 0.7),
                                      ("p/gemma-3-27b", "p/x", 0.2), ("p/x", "p/x", 0.4))
    ]  # fmt: skip
    found = shown("self-vs-cross", table("cells", own))
    assert found["fruit rating by rater, gemma-3-27b self", "icc"]["measured"] == value(0.7)
    assert found["fruit rating by rater, gemma-3-27b others", "icc"]["measured"] == value(0.2)
    both = found["fruit rating aggregate, self (4 cells)", "icc"]["measured"]
    assert isinstance(both, Estimate) and math.isclose(both.estimate, 0.55)


def test_impossible_values_are_marked_with_the_reason() -> None:
    """A KL of 5.61 on five levels and a σ beyond the fit's own bounds say why they cannot be."""
    for study in ("discrimination", "thurstone-regularisation", "consistency"):
        bad = [row for row in published(study) if row["standing"] == "impossible"]
        assert bad and all(row["note"].startswith("impossible") for row in bad)
        told = shown(study, table("none_like_it", [{"rater": "m"}])).values()
        marked = [row for row in told if row["standing"] == "impossible"]
        assert [row["note"] for row in marked] == [row["note"] for row in bad]
    [kl] = [row for row in published("discrimination") if row["value"] == "5.61"]
    assert kl["standing"] == "impossible" and "1.609" in kl["note"]


def test_a_folder_shows_only_what_it_holds() -> None:
    """Without a study only figures with a counterpart are there; without any, nothing is."""
    assert reported_section(FOLDER, ()) is None
    rows: list[dict[str, object]] = [
        {"rater": "m", "template": "fruit_rating", "icc": value(0.7), "kl_uniform": value(0.3)}
    ]
    found = shown(FOLDER, table("reliability", rows))
    assert {what for what, _ in found} == {"by template, fruit rating"}


def test_a_study_that_the_log_has_not_is_not_compared() -> None:
    """`drift` is beyond the log."""
    assert "drift" in NAMES and reported_section("drift", ()) is None


def test_tables_that_a_study_has_for_each_cell_are_taken_together() -> None:
    """Means by origin of two cells are averaged, and say how many they are."""
    cells = [
        table(f"by_origin_{at}", [{"origin": "math", "mean": value(mean), "sd": 1.0}])
        for at, mean in enumerate((-0.5, -0.7))
    ]
    found = shown("utilities", *cells)
    mean = found["gemma-3-27b simple preference mu, math", "mean mu"]["measured"]
    assert isinstance(mean, Estimate)
    assert (mean.estimate, mean.cells) == (pytest.approx(-0.6), 2)


def test_prompts_are_known_by_their_sign_and_category() -> None:
    """Cells of the log's 3 × 3, its deltas by prompt and origin, and its pairs."""
    rows: list[dict[str, object]] = [
        {"template": "anchored_precise_1_5", "completion": made, "measurement": asked}
        | {"mean": value(mean)}
        for made, asked, mean in (("loves_math", "loves_math", 4.5), ("none", "loves_math", 4.1),
                                  ("loves_math", "none", 4.0), ("none", "none", 3.8),
                                  ("hates_math", "none", 2.0))
    ]  # fmt: skip
    name = "cell means llama-3.3-70b math (read from text)"
    found = shown("sysprompt-3x3", table("cell_means", rows))
    positive = found[f"{name}, measured positive, any completion", "mean"]["measured"]
    assert isinstance(positive, Estimate) and positive.estimate == pytest.approx(4.3)
    against = found[f"{name}, measured neutral, completed negative", "mean"]["measured"]
    assert against == value(2.0)
    either = found[f"{name}, measured neutral, completed positive or neutral", "mean"]["measured"]
    assert isinstance(either, Estimate) and either.estimate == pytest.approx(3.9)

    grid = table("deltas", [{"prompt": "affective_pos", "origin": "alpaca", "delta": value(0.2)}])
    one = shown("sysprompt-grid", grid)[
        "deltas from neutral, affective pos (loves helping), alpaca", "delta"
    ]
    assert one["measured"] == value(0.2)

    both = table("deltas", [{"prompt": "loves_math", "delta": value(0.7)},
                            {"prompt": "hates_math", "delta": value(-1.2)}])  # fmt: skip
    pair = shown("sysprompt-v2", both)
    assert pair["effect sizes alpaca, math", "positive delta"]["measured"] == value(0.7)
    assert pair["effect sizes alpaca, math", "negative delta"]["measured"] == value(-1.2)


def test_raw_coefficients_are_known_by_their_dose() -> None:
    """The log's ±2 were .2 of an activation's norm, and its +6 was .6."""
    opened = table("by_dose", [{"direction": "last", "dose": dose, "attitude": value(dose)}
                               for dose in (-0.2, 0.0, 0.1)])  # fmt: skip
    found = shown("steering-open-ended", opened)
    said = {coef: found[f"llama-3.1-8b last, layer 16, {coef}", "attitude"]["measured"]
            for coef in ("-2", "-1", "0", "1")}  # fmt: skip
    assert said == {"-2": value(-0.2), "-1": None, "0": value(0.0), "1": value(0.1)}
    for selector, dose in (("last", 0.28), ("first", 0.6), ("mean", 0.07)):
        one = table("by_dose", [{"direction": selector, "dose": dose, "attitude": value(dose)}])
        row = shown("steering-open-ended", one)[f"gemma-2-27b {selector}, layer 23, 2", "attitude"]
        assert row["measured"] == value(dose)

    cells = table("cell_means", [{"made": made, "asked": "none", "dose": 0.6, "delta": value(0.5)}
                                 for made in ("none", "loves_math")])  # fmt: skip
    [row] = shown("steering-stated", cells).values()
    assert row["measured"] == value(0.5) and row["cells"] == 1

    norms = table("norms", [{"model": "google/gemma-2-27b", "selector": "first", "layer": 23,
                             "difference": value(5000.0), "at_selector": value(2e4)}])  # fmt: skip
    of = shown("steering-norms", norms)
    assert of["norms, gemma-2-27b first, layer 23", "vector norm"]["measured"] == value(5000.0)
    assert of["norms, gemma-2-27b first, layer 23", "activation norm"]["measured"] == value(2e4)
    assert of["norms, gemma-2-27b last, layer 23", "vector norm"]["measured"] is None
    llama = table("norms", [{"model": "llama-3.1-8b", "selector": "last", "layer": 16,
                             "difference": value(0.8), "at_selector": value(8.0)}])  # fmt: skip
    of = shown("steering-norms", llama)
    assert of["norms, llama-3.1-8b last, layer 16", "vector norm"]["measured"] is None
    assert of["norms, llama-3.1-8b last, layer 16", "activation norm"]["measured"] == value(8.0)


def test_penalised_fits_stand_beside_the_logs_of_the_same_kind() -> None:
    """An impossible σ of the log stands beside the bounded fit at λ = 0 of the same data."""
    rows = [{"data": "sparse synthetic", "bounded": bounded, "penalty": penalty,
             "max_sigma": sigma, "accuracy": value(0.8)}
            for bounded, penalty, sigma in ((True, 0.0, 7.39), (True, 1.0, 2.0),
                                            (False, 0.0, 29.0))]  # fmt: skip
    found = shown("thurstone-regularisation", table("path_1", rows))
    one = found["sparse synthetic, 5-regular, lambda 0", "max sigma"]
    assert one["measured"] == 7.39 and one["standing"] == "impossible"
    share = found["sparse synthetic, 5-regular", "accuracy"]["measured"]
    assert isinstance(share, Estimate) and share.cells == 2
    assert found["real, lambda 0", "max sigma"]["measured"] is None
