"""A campaign over several wordings: the joint fit, its stop, and balance over batches."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from inspect_ai.log import EvalLog
from scipy.special import ndtr

from harness.adaptive.campaign import Batch, Campaign
from harness.adaptive.options import CampaignOptions
from harness.records.logs import read_records
from harness.records.record import Record
from harness.stats.facets.joint import JointFit
from harness.stats.thurstone.comparisons import FloatArray
from harness.stats.thurstone.ranking import spearman


def answered(
    batch: Batch, truth: FloatArray, own: FloatArray, rng: np.random.Generator
) -> list[Record]:
    """Records of a respondent with item × wording `own` (n, W) beside its utilities (n,)."""
    assert batch.levels is not None
    found = []
    for role, pairs in batch.pairs.items():
        for pair, levels in zip(pairs, batch.levels[role], strict=True):
            for (first, second, _), (wording, _) in zip(pair, levels, strict=True):
                f, s = int(first), int(second)
                gap = truth[f] + own[f, wording] - truth[s] - own[s, wording]
                won = rng.random() < ndtr((gap - 0.3) / np.sqrt(2))
                found.append(
                    Record(
                        kind="choice",
                        template="t",
                        template_hash="h",
                        prompt_hash="p",
                        timing="pre",
                        response="plain",
                        readout="sample",
                        labels="A,B",
                        rater="r",
                        outcome="answered",
                        item_first=first,
                        item_second=second,
                        wording=f"w{wording}@0",
                        choice="first" if won else "second",
                    )
                )
    return found


def test_over_wordings() -> None:
    """Under four wordings a campaign's expected rho is with the utility over all wordings: on
    average it is the true one, where that in the four drawn would promise more."""
    told, true, drawn = [], [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        names = [str(k) for k in range(40)]
        options = CampaignOptions(
            target_rho=0.99, batch=200, degree=6, max_comparisons=800, sample_seed=seed
        )
        campaign = Campaign(options, names, ["o"] * 40, sizes=(4, 1))
        truth, own = rng.normal(0, 1.5, 40), rng.normal(0, 1.2, (40, 4))
        batch: Batch | None = campaign.first()
        while batch is not None:
            step = campaign.step(answered(batch, truth, own, rng))
            batch = step.batch
        assert step.progress is not None and isinstance(step.fit, JointFit)
        told.append(step.progress.expected_rho)
        true.append(spearman(step.fit.utilities, truth))
        drawn.append(spearman(step.fit.over_drawn()[0], truth + own.mean(axis=1)))
    assert np.mean(told) == pytest.approx(np.mean(true), abs=0.05)
    assert np.mean(drawn) > np.mean(told) + 0.04


def test_wordings_balanced_over_batches() -> None:
    """Batches of a campaign are balanced together: no item meets one wording far oftener."""
    rng = np.random.default_rng(0)
    options = CampaignOptions(target_rho=0.99, batch=100, degree=4, max_comparisons=600)
    campaign = Campaign(options, [str(k) for k in range(30)], ["o"] * 30, sizes=(3, 1))
    truth, own = rng.normal(0, 1.5, 30), np.zeros((30, 3))
    batch: Batch | None = campaign.first()
    count = np.zeros((30, 3))
    while batch is not None:
        records = answered(batch, truth, own, rng)
        for record in records:
            for name in (record.item_first, record.item_second):
                count[int(name or 0), int((record.wording or "w0")[1])] += 1
        batch = campaign.step(records).batch
    assert count.sum() == 1200
    assert (count.max(axis=1) - count.min(axis=1)).max() <= 4


def test_run(run_eval: Callable[..., EvalLog]) -> None:
    """`-T wordings=4` of the eval asks under all of them, and its stop is of the joint fit."""
    log = run_eval(
        "utilities.py",
        model_args={"wording_sd": 1.5},
        task_args={
            "timing": "pre",
            "per_origin": 5,
            "wordings": 4,
            "target_rho": 0.99,
            "batch": 100,
            "max_comparisons": 400,
            "block": 50,
        },
    )
    records = read_records([log.location]).frame
    assert records.height > 250 and records["wording"].n_unique() == 4
    assert log.status == "success" and log.results is not None
    found = {n: m.value for score in log.results.scores for n, m in score.metrics.items()}
    assert found["share of item × wording"] > 0.1
    assert found["expected_rho"] < 0.97


def test_probabilities_refused(run_eval: Callable[..., EvalLog]) -> None:
    """Wordings with probabilities read off the model are refused before a call."""
    with pytest.raises(Exception, match="readout=sample"):
        run_eval("utilities.py", task_args={"wordings": 2, "readout": "logprobs", "timing": "pre"})


def test_optout_beside(run_eval: Callable[..., EvalLog]) -> None:
    """A share of a campaign's questions is against the opt-out, in both orders and batch by batch;
    they are no part of the fit that chooses pairs, and count within max_comparisons."""
    log = run_eval(
        "utilities.py",
        task_args={
            "timing": "pre",
            "per_origin": 5,
            "optout": 0.1,
            "target_rho": 0.999,
            "batch": 60,
            "max_comparisons": 260,
            "block": 50,
        },
    )
    assert log.status == "success"
    records = read_records([log.location]).frame
    against = records.filter(pl.col("zero") == "optout")
    assert 0.07 < against.height / (records.height - against.height) < 0.13
    assert records.height <= 260
    assert (against["origin_first"] == "optout").sum() == against.height / 2
    assert against["drawn"].null_count() == against.height
    assert len((log.eval.metadata or {})["utilities"]["utilities"]) == 25
    pairs = against.select("item_first", "item_second").unique()
    assert pairs.height == against.height
