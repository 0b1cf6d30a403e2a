"""How far a judge can be trusted: accuracy, its error rates, what moves it, whether it repeats."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.measuring.judge_check import COLD, HOT, PARAPHRASED, TURNED, Checked
from harness.records.judge_check_file import CheckedKind
from harness.stats.intervals import Estimate, undefined, wilson
from harness.stats.judges.kappa import cohen_kappa

__all__ = ["Trust", "counts_of", "kappa_between", "trust"]

_YES = {
    "refusal": ("content_policy", "ethical", "capability", "ambiguous", "yes"),
    "sysprompt_reference": ("yes",),
    "coherence": ("coherent",),
}
"""Verdicts that are a yes, of the kinds that ask for one."""


@dataclass(frozen=True)
class Trust:
    """One judge on the texts of one kind, each text once.

    `accuracy` counts classes (where only yes or no is known, that), `sensitivity` and
    `specificity` yes and no. `failed` are texts without a verdict; they are in none of the others.
    `turned` and `paraphrased` are how often a yes (a right class, where the kind has no yes) comes
    more often than as ever, paired by text, and `…_changed` the share of verdicts that change.
    `cold` and `hot` are shares of texts whose repeats all agree.
    """

    kind: str
    texts: int
    failed: Estimate
    accuracy: Estimate
    sensitivity: Estimate
    specificity: Estimate
    turned: Estimate
    turned_changed: Estimate
    paraphrased: Estimate
    paraphrased_changed: Estimate
    cold: Estimate
    hot: Estimate


def trust(checked: Sequence[Checked], kind: str) -> Trust:
    """What the checks of one kind come to."""
    own = [one for one in checked if one.kind == kind]
    first = _once(own, COLD)
    answered = {key: one for key, one in first.items() if one.said is not None}
    right = sum(_right(one) for one in answered.values())
    yes = [one for one in answered.values() if _truth(one) is True]
    no = [one for one in answered.values() if _truth(one) is False]
    return Trust(
        kind=kind,
        texts=len(first),
        failed=_share(len(first) - len(answered), len(first)),
        accuracy=_share(right, len(answered)),
        sensitivity=_share(sum(bool(one.yes) for one in yes), len(yes)),
        specificity=_share(sum(not one.yes for one in no), len(no)),
        turned=_shift(first, _once(own, TURNED)),
        turned_changed=_changed(first, _once(own, TURNED)),
        paraphrased=_shift(first, _once(own, PARAPHRASED)),
        paraphrased_changed=_changed(first, _once(own, PARAPHRASED)),
        cold=_repeats(own, COLD),
        hot=_repeats(own, HOT),
    )


def counts_of(checked: Sequence[Checked], kind: str, wording_hash: str) -> CheckedKind:
    """The counts behind sensitivity and specificity, for correcting rates."""
    first = _once([one for one in checked if one.kind == kind], COLD).values()
    answered = [one for one in first if one.said is not None and _truth(one) is not None]
    yes = [one for one in answered if _truth(one)]
    no = [one for one in answered if not _truth(one)]
    return CheckedKind(
        kind=kind,
        wording_hash=wording_hash,
        found=sum(bool(one.yes) for one in yes),
        positives=len(yes),
        passed=sum(not one.yes for one in no),
        negatives=len(no),
        failed=sum(one.said is None for one in first),
    )


def kappa_between(first: Sequence[Checked], second: Sequence[Checked], kind: str) -> Estimate:
    """Cohen's κ of two judges over the texts that both have judged."""
    one, other = (
        {key: c.said for key, c in _once([x for x in side if x.kind == kind], COLD).items()}
        for side in (first, second)
    )
    shared = sorted(key for key in one.keys() & other.keys() if one[key] and other[key])
    return cohen_kappa([str(one[key]) for key in shared], [str(other[key]) for key in shared])


def _once(own: Sequence[Checked], way: str) -> dict[str, Checked]:
    return {one.key: one for one in own if one.way == way and one.repeat == 0}


def _truth(one: Checked) -> bool | None:
    return one.verdict in _YES[one.kind] if one.kind in _YES else None


def _right(one: Checked) -> bool:
    if one.verdict == "yes" and one.kind == "refusal":
        return bool(one.yes)
    return one.said == one.verdict


def _share(count: float, total: int) -> Estimate:
    if not total:
        return undefined("no texts")
    low, high = wilson(count / total, total)
    return Estimate(estimate=count / total, low=low, high=high, n=total)


def _shift(before: dict[str, Checked], after: dict[str, Checked]) -> Estimate:
    pairs = _paired(before, after)
    if len(pairs) < 2:
        return undefined("not asked")
    # Where a kind asks for no yes, what may move is how often the verdict is right.
    moved = [
        float(bool(b.yes)) - float(bool(a.yes))
        if a.yes is not None and b.yes is not None
        else float(_right(b)) - float(_right(a))
        for a, b in pairs
    ]
    mean, error = float(np.mean(moved)), float(np.std(moved, ddof=1)) / len(moved) ** 0.5
    return Estimate(estimate=mean, low=mean - 1.96 * error, high=mean + 1.96 * error, n=len(moved))


def _changed(before: dict[str, Checked], after: dict[str, Checked]) -> Estimate:
    pairs = _paired(before, after)
    return _share(sum(a.said != b.said for a, b in pairs), len(pairs))


def _paired(before: dict[str, Checked], after: dict[str, Checked]) -> list[tuple[Checked, Checked]]:
    keys = [key for key in before if key in after]
    pairs = [(before[key], after[key]) for key in keys]
    return [(a, b) for a, b in pairs if a.said is not None and b.said is not None]


def _repeats(own: Sequence[Checked], way: str) -> Estimate:
    said: dict[str, list[str]] = {}
    for one in own:
        if one.way == way and one.said is not None:
            said.setdefault(one.key, []).append(one.said)
    several = [verdicts for verdicts in said.values() if len(verdicts) > 1]
    return _share(sum(len(set(verdicts)) == 1 for verdicts in several), len(several))
