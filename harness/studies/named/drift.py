"""Does a model rate a fixed set of anchors as it did before?"""

from pathlib import Path

import polars as pl

from harness.errors import UsageError
from harness.records.logs import read_records
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.wording import shown
from harness.studies.paired import PAIR_COLUMNS, Pair, paired_contrasts, paired_plot
from harness.studies.ratings import rater_by_template
from harness.studies.study import Found, Given, Parameters, Study, StudyDesign

__all__ = ["STUDY"]


class _Drift(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of drift. With an earlier run one rater is asked; without, the first of two
    raters is what came before.

    earlier: logs of an earlier run of the same design
    bound: mean differences below this count as none, on the scale from 0 to 1
    """

    earlier: str = ""
    per_origin: int | None = 20
    bound: float = 0.05


def _design(given: _Drift) -> StudyDesign:
    wanted = 1 if given.earlier else 2
    if len(given.raters) != wanted:
        raise UsageError(
            f"drift with {len(given.raters)} raters; expected one and an earlier run "
            "(--earlier LOGS), or two, the first of which is what came before"
        )
    if given.earlier and not Path(given.earlier).exists():
        raise UsageError(f"--earlier {given.earlier}: no such log or folder")
    return rater_by_template(
        given,
        ("now − before, paired by item, against the bound",),
        contrasts=paired_contrasts("now − before", "bound within which no drift is shown"),
    )


def _analyse(given: Given) -> Found:
    parameters: _Drift = given.parameters
    now = given.ratings
    if parameters.earlier:
        before = read_records([parameters.earlier]).frame.filter(pl.col("kind") == "rating")
    else:
        first = parameters.raters[0].partition("(")[0]
        before, now = now.filter(pl.col("rater") == first), now.filter(pl.col("rater") != first)
    if not before.height or not now.height:
        missing = "of another one" if before.height else f"by {parameters.raters[0]}"
        raise UsageError(f"drift: two states are compared; these records have no ratings {missing}")
    pairs, rows = {}, []
    for template in sorted(now["template"].unique()):
        then, today = (part.filter(pl.col("template") == template) for part in (before, now))
        if not then.height or then["template_hash"].unique().to_list() != (
            today["template_hash"].unique().to_list()
        ):
            raise UsageError(f"drift: the earlier run has no ratings in the same {template}")
        pair = pairs[str(template)] = Pair(then, today, bound=parameters.bound)
        rows.append({"template": template, "items": len(pair.items)} | pair.row())
    return Found(
        sentences=[
            f"{name}: now − before {shown(pair.same.difference)} (90 % interval, "
            f"{len(pair.items)} items), r {shown(pair.r)}; {pair.verdict}."
            for name, pair in pairs.items()
        ][:5],
        tables=[
            Table(
                name="drift",
                title="Now less before",
                columns=(
                    Column("template", "template"),
                    Column("items", "items", "count"),
                    Column("delta", "now − before"),
                    Column("p", "p", "p"),
                    *PAIR_COLUMNS,
                ),
                rows=rows,
                caption="On the scale from 0 to 1, paired by item; two one-sided tests against the "
                f"bound ± {parameters.bound:g}, said beforehand.",
            )
        ],
        sections=[
            Section(
                title="Item by item",
                anchor="items",
                plots=(paired_plot(pairs, title="Before and now", x="before", y="now"),),
            )
        ],
        measured=[pair.quantity(name) for name, pair in pairs.items()],
    )


STUDY = Study(
    name="drift",
    question="Does a model rate a fixed set of anchors as it did before?",
    parameters=_Drift,
    design=_design,
    analyse=_analyse,
    small={"per_origin": 15, "seeds": 2},
    rehearsal={"raters": ("sim/faithful@before", "sim/faithful@now(drift=0.4)")},
)
