"""What does a penalty on response noise do to a Thurstonian fit, and where does its σ end?"""

from functools import partial

from harness.errors import UsageError
from harness.report.parts.wording import number, shown
from harness.stats.thurstone.regularisation import (
    COIN,
    PENALTIES,
)
from harness.studies.choosing import choice_cell
from harness.studies.penalised.data import planted_beta, real_data, synthetic_data
from harness.studies.penalised.views import (
    LARGEST,
    impossible_table,
    penalised_section,
    said_penalty,
    summary_table,
)
from harness.studies.study import Found, Given, Parameters, Quantity, Study, StudyDesign

__all__ = ["STUDY"]


class _Regularisation(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of thurstone-regularisation.

    source: logs of pairwise evals to analyse in place of a campaign of its own
    penalties: λ of each fit
    synthetic: items of the synthetic data
    degree: opponents of each item in the sparse synthetic data
    spread: standard deviation of the synthetic utilities, in units of σ, which is 1 for all items
    repeats: answers to each presentation of the sparse synthetic data
    max_comparisons: the most that a campaign asks; default 50 an item
    batch: questions between two fits of a campaign
    """

    templates: tuple[str, ...] = ("simple_preference",)
    seeds: int = 1
    source: str = ""
    penalties: tuple[float, ...] = PENALTIES
    synthetic: int = 100
    degree: int = 5
    spread: float = 3.0
    repeats: int = 2
    max_comparisons: int | None = None
    batch: int = 250


def _design(given: _Regularisation) -> StudyDesign:
    if any(value < 0 for value in given.penalties) or len(given.penalties) < 2:
        raise UsageError(
            f"penalties={', '.join(f'{one:g}' for one in given.penalties)}; expected two or more, "
            "none below 0 (--penalty)"
        )
    least = given.degree + 2
    if given.degree < 1 or given.synthetic < least or given.repeats < 1 or given.spread <= 0:
        raise UsageError(
            f"synthetic={given.synthetic}, degree={given.degree}, repeats={given.repeats}, "
            f"spread={given.spread:g}; expected a degree of at least 1, at least {least} items, "
            "repeats of at least 1 and a spread above 0"
        )
    cells = [
        choice_cell(
            given,
            rater,
            template,
            levels={"rater": rater, "template": template},
            task="utilities",
            timing="pre",
            batch=given.batch,
            **({"max_comparisons": given.max_comparisons} if given.max_comparisons else {}),
        )
        for rater in given.raters
        for template in given.templates
    ]
    return StudyDesign(
        () if given.source else tuple(cells),
        ("largest σ of bounded fits", "held-out NLL beside a coin's, on random pairs alone"),
    )


def _analyse(given: Given) -> Found:
    found = [*synthetic_data(given), *real_data(given)]
    plain = {one.name: one.path[0] for one in found}
    largest = max(row.max_sigma for one in found for row in one.path if row.bounded)
    free = max((row.max_sigma, one.name) for one in found for row in one.path if not row.bounded)
    worst = [max(one.path[1:], key=lambda row: row.test.estimate) for one in found]
    return Found(
        sentences=[
            f"Largest σ of all bounded fits {largest:.2f} (bound {LARGEST:.2f}): σ of 14 and 45 "
            f"cannot come from bounded fits. Without bounds it reaches {free[0]:.3g} ({free[1]}).",
            *(
                f"{one.name}: held-out NLL {shown(plain[one.name].test)} with σ = 1, up to "
                f"{number(bad.test.estimate)} with σ fitted ({said_penalty(bad)}); a coin's is "
                f"{COIN:.3f}."
                for one, bad in zip(found, worst, strict=True)
            ),
        ][:5],
        tables=[summary_table(found), impossible_table(found)],
        sections=[penalised_section(one, number) for number, one in enumerate(found, 1)],
        measured=[
            Quantity(f"position β, {one.name}", one.position, partial(planted_beta, one=one))
            for one in found
        ],
        cautions=[
            f"{one.name}: no pair is marked as drawn at random; pairs held out are any."
            for one in found
            if one.test_pairs == "any"
        ],
    )


STUDY = Study(
    name="thurstone-regularisation",
    question="What does a penalty on per-item noise do, and can its σ be what the log reported?",
    parameters=_Regularisation,
    design=_design,
    analyse=_analyse,
    small={
        "per_origin": 8,
        "batch": 100,
        "synthetic": 40,
        "penalties": (0.0, 0.1, 1.0, 10.0, 100.0),
    },
    rehearsal={"raters": ("sim/faithful",)},
    instead="source",
)
