"""Metrics of judgements: each judge's mean verdict and failures, and how far two judges agree."""

import math
from collections.abc import Sequence

import numpy as np
from inspect_ai.scorer import Metric, SampleScore, metric

from harness.records.judgement import Judgement
from harness.records.scored import Scored
from harness.stats.judges.kappa import cohen_kappa
from scorers.recording import as_metric

__all__ = ["judgement_metrics"]

_SAME = 0.25
"""Numbers so near to each other agree."""

Verdicts = dict[tuple[str, int], Judgement]


@metric(scores="unreduced")
def judgement_metrics() -> Metric:
    """For each judge `mean` (of yes, or of the number), `failed` and `texts`; for each two of them
    the share of texts on which they agree, and Cohen's κ over classes."""

    def compute(scores: list[SampleScore]) -> dict[str, float]:
        judges = _by_judge(scores)
        found: dict[str, float] = {}
        for name, verdicts in judges.items():
            values = [one.value for one in verdicts.values() if one.value is not None]
            if values:
                found[f"{name}: mean"] = sum(values) / len(values)
            failed = sum(one.outcome == "failed" for one in verdicts.values())
            found[f"{name}: failed"] = failed / len(verdicts)
            found[f"{name}: texts"] = float(len({subject for subject, _ in verdicts}))
        names = list(judges)
        for index, one in enumerate(names):
            for other in names[index + 1 :]:
                found |= _agreement(f"{one}, {other}", judges[one], judges[other])
        return found or {"texts": 0.0}

    return as_metric(compute)


def _by_judge(scores: Sequence[SampleScore]) -> dict[str, Verdicts]:
    """Verdicts by judge, each text and repeat once; two judges of one name have their identity."""
    found = Scored()
    for score in scores:
        found.add(score.score.metadata or {}, ("judgements",))
    judges: dict[tuple[str, str | None], Verdicts] = {}
    for one in found.judgements:
        own = judges.setdefault((one.judge, one.judge_identity), {})
        own[one.subject, one.repeat] = one
    said = [judge for judge, _ in judges]
    return {
        judge if said.count(judge) == 1 else f"{judge}@{(identity or '')[:8]}": verdicts
        for (judge, identity), verdicts in judges.items()
    }


def _agreement(name: str, one: Verdicts, other: Verdicts) -> dict[str, float]:
    shared = [
        (one[key], other[key])
        for key in one.keys() & other.keys()
        if one[key].outcome == other[key].outcome == "answered"
    ]
    if not shared:
        return {}
    if all(a.label is not None and b.label is not None for a, b in shared):
        # Yes or no where that is what the classes come to, else the classes themselves.
        yes_no = all(a.value is not None and b.value is not None for a, b in shared)
        first = [str(a.value if yes_no else a.label) for a, _ in shared]
        second = [str(b.value if yes_no else b.label) for _, b in shared]
        same = np.mean([a == b for a, b in zip(first, second, strict=True)])
        kappa = cohen_kappa(first, second).estimate
        found = {f"{name}: agree": float(same)}
        return found if math.isnan(kappa) else found | {f"{name}: kappa": kappa}
    near = [
        abs(a.value - b.value) <= _SAME
        for a, b in shared
        if a.value is not None and b.value is not None
    ]
    return {f"{name}: agree": float(np.mean(near))} if near else {}
