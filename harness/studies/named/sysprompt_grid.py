"""Which system prompts at completion move ratings, and of which items?"""

from harness.prompts.conditions import CATEGORIES, CONDITIONS
from harness.report.parts.table import Section
from harness.report.parts.wording import shown
from harness.studies.prompted import (
    delta_grid,
    effect_rows,
    effect_table,
    planted_deltas,
    prompt_design,
)
from harness.studies.study import Found, Given, Parameters, Study, StudyDesign, estimate_in

__all__ = ["STUDY"]

_PROMPTS = tuple(name for name, known in CONDITIONS.items() if known.category in CATEGORIES)


class _SyspromptGrid(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of sysprompt-grid.

    prompts: the system prompts, each set against none
    """

    items: str = "builtin:alpaca+builtin:math+builtin:wildchat"
    templates: tuple[str, ...] = ("fruit_qualitative",)
    prompts: tuple[str, ...] = _PROMPTS


def _design(given: _SyspromptGrid) -> StudyDesign:
    return prompt_design(
        given,
        given.prompts,
        ("Δ from no prompt of each prompt and origin, Holm's correction",),
        by_origin=True,
    )


def _analyse(given: Given) -> Found:
    rows = effect_rows(given.ratings, by=("origin",))
    moved = [row for row in rows if float(str(row["p_holm"])) < 0.05]
    ranked = sorted(rows, key=lambda row: -abs(estimate_in(row, "delta").estimate))
    return Found(
        sentences=(
            f"{len(moved)} of {len(rows)} differences hold after Holm's correction.",
            *(
                f"{row['prompt']}, {row['origin']}: Δ {shown(row['delta'])} "
                f"({estimate_in(row, 'delta').n} items), higher {shown(row['higher'], 'share')}."
                for row in ranked[:3]
            ),
        ),
        tables=[effect_table(rows, by=("origin",))],
        sections=[
            Section(title="Prompt by origin", anchor="grid",
                    plots=(delta_grid(rows, across="origin"),))
        ],
        measured=planted_deltas(given.ratings, rows, by=("origin",)),
    )  # fmt: skip


STUDY = Study(
    name="sysprompt-grid",
    question="Which system prompts at completion move ratings, and of which items?",
    parameters=_SyspromptGrid,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 12, "seeds": 2},
    rehearsal={
        "raters": (
            "sim/faithful(completion_effect=1, tone_trend_pos=0, tone_trend_neg=0, "
            "tone_weights_pos=0.4, tone_memory_neg=0.5)",
        )
    },
)
