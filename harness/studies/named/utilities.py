"""Which items does a model prefer, how surely, and what has refusal to do with it?"""

from collections.abc import Sequence
from typing import Literal

from harness.analysis.utilities import utility_cells
from harness.errors import UsageError
from harness.items.load import load_items
from harness.prompts.catalogue import get_template
from harness.prompts.render import timing_of
from harness.report.parts.wording import shown
from harness.studies.choosing import choice_cell, choices_of
from harness.studies.ranked.fitted import RankedCampaign, ranked, rest_words
from harness.studies.ranked.planted import ranked_quantities
from harness.studies.ranked.sections import ranked_section
from harness.studies.ranked.summaries import main_table, refusal_table, rests_table, utilities_csv
from harness.studies.refused import QUESTIONS
from harness.studies.study import (
    DesignCell,
    Found,
    Given,
    JudgedParameters,
    Study,
    StudyDesign,
    judge_options,
)
from harness.where import SHELL_DIRECTORY

__all__ = ["STUDY"]


class _Utilities(JudgedParameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of utilities.

    timing: `pre` (before a task is done) or `post`
    target_rho: a campaign ends where the expected rank correlation with the truth reaches this
    batch: questions between two fits
    max_comparisons: the most that a campaign asks; default 50 an item
    completed: items of each origin that are completed, to see which are refused; default all, 0
        for none; after the task all are
    """

    templates: tuple[str, ...] = ("simple_preference",)
    seeds: int = 1
    timing: Literal["pre", "post"] = "pre"
    target_rho: float = 0.95
    batch: int = 250
    max_comparisons: int | None = None
    completed: int | None = None


def _design(given: _Utilities) -> StudyDesign:
    if given.timing == "post" and given.completed is not None:
        raise UsageError(
            f"completed={given.completed} with timing=post; expected timing=pre, since each item "
            "is completed before it is asked about"
        )
    for name in given.templates:
        timing_of(get_template(name, kind="choice", base=SHELL_DIRECTORY), given.timing)
    campaigns = [
        choice_cell(
            given,
            rater,
            template,
            levels={"rater": rater, "template": template},
            task="utilities",
            timing=given.timing,
            target_rho=given.target_rho,
            batch=given.batch,
            **({"max_comparisons": given.max_comparisons} if given.max_comparisons else {}),
            **({"judges": "refusal"} | judge_options(given) if given.timing == "post" else {}),
        )
        for rater in given.raters
        for template in given.templates
    ]
    completed = _completions(given) if given.timing == "pre" and given.completed != 0 else []
    return StudyDesign(
        (*campaigns, *completed),
        ("r of refusal with utility, overall and within origins, for each campaign",),
    )


def _completions(given: _Utilities) -> list[DesignCell]:
    """Completions of some items, a part of those that are compared, by each completer."""
    options = {"items": given.items, "sample_seed": given.sample_seed, "block": given.block}
    options |= {"judges": "refusal", "price": given.price} | judge_options(given)
    size = given.per_origin
    if given.completed is not None:
        size = given.completed if size is None else min(size, given.completed)
    options |= {"per_origin": size}
    kept = {name: value for name, value in options.items() if value is not None}
    return [
        DesignCell(
            task="completions",
            options=kept,
            rater=completer,
            completer=completer,
            levels={"completed by": completer},
            judge=given.judge,
        )
        for completer in dict.fromkeys(given.completers or given.raters)
    ]


def _analyse(given: Given) -> Found:
    cells, notes = utility_cells(choices_of(given), bootstrap=given.bootstrap, traces={})
    if not cells:
        raise UsageError(f"utilities: {'; '.join(notes)}")
    found = [ranked(one, given, number) for number, one in enumerate(cells, 1)]
    texts = _texts(given.parameters)
    return Found(
        sentences=_sentences(found),
        tables=[main_table(found), refusal_table(found), rests_table(found)],
        sections=[ranked_section(one, texts) for one in found],
        measured=[quantity for one in found for quantity in ranked_quantities(one)],
        cautions=[*notes, *_cautions(found)],
        files={"utilities_export.csv": utilities_csv(found)},
    )


def _sentences(found: Sequence[RankedCampaign]) -> list[str]:
    lines = []
    for one in found[:2]:
        items, summary = one.cell.items, one.cell.analysis.summary
        ranked = sorted(one.cell.means.items(), key=lambda pair: -pair[1].estimate)
        lines.append(
            f"{one.name}: rank correlation with the truth {shown(one.rho)} expected, from "
            f"{summary['comparisons']:,.0f} comparisons of {items.height} items; liked most "
            f"{ranked[0][0]} (mean μ {shown(ranked[0][1])}), least {ranked[-1][0]} "
            f"({shown(ranked[-1][1])})."
        )
        relation = one.said.relation
        lines.append(
            f"{one.name}: r of refusal with utility {shown(relation.point_biserial)} overall, "
            f"{shown(relation.within_origin)} within origins ({rest_words(one)})."
        )
    return lines


def _cautions(found: Sequence[RankedCampaign]) -> list[str]:
    cautions = []
    judges = {one.said.judge for one in found}
    if "rule" in judges:
        cautions.append("What is a refusal is the rule's verdict on the completion, not a judge's.")
    if QUESTIONS in judges:
        cautions.append(
            "No completion was judged: an item counts as refused when at least half of its "
            "questions were."
        )
    cautions += [
        f"{one.name}: refusal figures rest on {rest_words(one)}; all other figures on all items."
        for one in found
        if one.said.completed and one.said.items.height < one.cell.items.height
    ]
    return cautions


def _texts(parameters: _Utilities) -> dict[str, str]:
    try:
        found = load_items(
            parameters.items,
            per_origin=parameters.per_origin,
            sample_seed=parameters.sample_seed,
            base=SHELL_DIRECTORY,
        )
    except UsageError:
        return {}
    return {item.id: item.text for item in found.items}


STUDY = Study(
    name="utilities",
    question="Which items does a model prefer, how surely, and are refused ones liked less?",
    parameters=_Utilities,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 12, "completed": 8, "target_rho": 0.92, "batch": 100},
    rehearsal={
        "raters": (
            "sim/refuser(refusal_bailbench=0.6, refusal_alpaca=0.2, refusal_math=0.2, "
            "refusal_slope=1.5, question_refusal=0)",
        ),
    },
)
