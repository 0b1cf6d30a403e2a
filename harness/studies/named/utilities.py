"""Which items does a model prefer, how surely, and what has refusal to do with it?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import polars as pl

from harness.analysis.convergence import convergence
from harness.analysis.utilities import UtilityCell, fitted_position, utility_cells
from harness.errors import UsageError
from harness.items.formulas import defused_table
from harness.items.load import load_items
from harness.prompts.catalogue import get_template
from harness.prompts.render import timing_of
from harness.report.parts.lines import Curve, LinePanel, lines
from harness.report.parts.style import Plot
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.utility_plots import caterpillar, origin_means, refusal_panels
from harness.report.parts.wording import shown
from harness.report.sections.outcomes import NAMES
from harness.stats.intervals import Estimate, estimate_of
from harness.stats.thurstone.ranking import rho_band, spearman
from harness.studies.choosing import choice_cell, choices_of
from harness.studies.planted import Planted
from harness.studies.refused import QUESTIONS, Verdicts, expected_r, verdicts, without_refused
from harness.studies.study import (
    DesignCell,
    Found,
    Given,
    JudgedParameters,
    Quantity,
    Study,
    StudyDesign,
    judge_options,
)
from harness.where import SHELL_DIRECTORY

__all__ = ["STUDY"]

_ENDS = 10
_DRAWS = 400


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


@dataclass(frozen=True)
class _Fitted:
    """One campaign with all that is said of it. `rest` are utilities without refused items."""

    cell: UtilityCell
    said: Verdicts
    rest: pl.DataFrame | None
    trace: pl.DataFrame
    rho: Estimate
    number: int

    @property
    def name(self) -> str:
        return self.cell.cell.name


def _analyse(given: Given) -> Found:
    cells, notes = utility_cells(choices_of(given), bootstrap=given.bootstrap, traces={})
    if not cells:
        raise UsageError(f"utilities: {'; '.join(notes)}")
    found = [_fitted(one, given, number) for number, one in enumerate(cells, 1)]
    texts = _texts(given.parameters)
    return Found(
        sentences=_sentences(found),
        tables=[_main_table(found), _refusal_table(found), _rests_table(found)],
        sections=[_section(one, texts) for one in found],
        measured=[quantity for one in found for quantity in _measured(one)],
        cautions=[*notes, *_cautions(found)],
        files={"utilities_export.csv": _export(found)},
    )


def _fitted(one: UtilityCell, given: Given, number: int) -> _Fitted:
    fitted = one.analysis.fit
    said = verdicts(one, given)
    drawn = fitted.posterior.draws(_DRAWS, np.random.default_rng(given.bootstrap.seed))
    mean, low, high = rho_band(fitted.utilities, drawn)
    known = one.analysis.summary["expected_rho"] is not None
    return _Fitted(
        cell=one,
        said=said,
        rest=without_refused(fitted, said.refused, seed=given.bootstrap.seed),
        trace=convergence(one.cell.frame, seed=given.bootstrap.seed),
        rho=Estimate(
            estimate=mean if known else math.nan,
            low=low if known else math.nan,
            high=high if known else math.nan,
            n=fitted.data.n,
            interval="posterior",
        ),
        number=number,
    )


def _sentences(found: Sequence[_Fitted]) -> list[str]:
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
            f"{shown(relation.within_origin)} within origins ({_rest_words(one)})."
        )
    return lines


def _rest_words(one: _Fitted) -> str:
    of = one.cell.items.height
    if not one.said.completed:
        return f"no completion was judged: an item is refused when half its questions are, {of}"
    return (
        f"{one.said.items.height} of {of} items, completed by {one.said.completer}, judged by "
        f"{one.said.judge}"
    )


def _cautions(found: Sequence[_Fitted]) -> list[str]:
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
        f"{one.name}: refusal figures rest on {_rest_words(one)}; all other figures on all items."
        for one in found
        if one.said.completed and one.said.items.height < one.cell.items.height
    ]
    return cautions


def _main_table(found: Sequence[_Fitted]) -> Table:
    return Table(
        name="utilities",
        title="Campaigns",
        columns=(
            *NAMES,
            Column("items", "items", "count"),
            Column("comparisons", "comparisons", "count"),
            Column("each", "an item"),
            Column("rho", "ρ with the truth, expected"),
            Column("within", "within origins"),
            Column("position", "position β"),
            Column("accuracy", "held-out accuracy", "share"),
            Column("nll", "held-out NLL"),
        ),
        rows=[
            one.cell.cell.row
            | {
                "items": one.cell.items.height,
                "comparisons": round(one.cell.analysis.summary["comparisons"]),
                "each": 2 * one.cell.analysis.summary["comparisons"] / one.cell.items.height,
                "rho": one.rho,
                "within": one.cell.analysis.summary["expected_rho_within_origin"],
                "position": fitted_position(one.cell.analysis),
                "accuracy": one.cell.analysis.summary["heldout_accuracy"],
                "nll": one.cell.analysis.summary["heldout_nll"],
            }
            for one in found
        ],
        caption="Utilities in units of the response noise σ, with the position effect in the fit. "
        "Held-out scores are of pairs drawn at random alone; a coin's NLL is .693.",
    )


def _refusal_table(found: Sequence[_Fitted]) -> Table:
    rows = []
    for one in found:
        relation = one.said.relation
        means = {row["refused"]: row for row in relation.means.iter_rows(named=True)}
        count = means[True]["n"]
        rows.append(
            one.cell.cell.row
            | {"judge": one.said.judge, "items": one.said.items.height, "refused": count}
            | {"mean_refused": means[True]["mean"], "mean_others": means[False]["mean"]}
            | {"r": relation.point_biserial, "p": relation.point_biserial.p}
            | {"within": relation.within_origin, "p_within": relation.within_origin.p}
            | {"lower": relation.lower}
        )
    return Table(
        name="refusal",
        title="Refusal and utility",
        columns=(
            *NAMES,
            Column("judge", "judged by"),
            Column("items", "items judged", "count"),
            Column("refused", "refused", "count"),
            Column("mean_refused", "mean μ refused", "number"),
            Column("mean_others", "not refused", "number"),
            Column("r", "r"),
            Column("p", "p", "number"),
            Column("within", "r within origins"),
            Column("p_within", "p within", "number"),
            Column("lower", "P(refused below other)"),
        ),
        rows=rows,
        caption="Point-biserial r over the items judged, p and interval by permutation; within "
        "origins the permutation stays inside each. Both were named beforehand.",
    )


def _rests_table(found: Sequence[_Fitted]) -> Table:
    rows: list[dict[str, Any]] = []
    for one in found:
        judged = dict(one.said.items.group_by("origin").len().iter_rows())
        for origin, mean in one.cell.means.items():
            done = judged.get(origin, 0) if one.said.completed else 0
            rows.append(one.cell.cell.row | {"origin": origin, "items": mean.n, "completed": done})
    return Table(
        name="rests_on",
        title="Items that figures rest on",
        columns=(
            *NAMES,
            Column("origin", "origin"),
            Column("items", "items compared", "count"),
            Column("completed", "completed and judged", "count"),
        ),
        rows=rows,
        caption="Utilities, means by origin, convergence and position rest on all items that were "
        "compared; the refusal table and figure, the quartiles and the utilities without refused "
        "items on those completed and judged.",
    )


def _section(one: _Fitted, texts: dict[str, str]) -> Section:
    at = one.number
    plots = [
        origin_means(one.cell.items, one.cell.means, name=f"origins_{at}",
                     title=f"Mean utility by origin, {one.name}"),
        caterpillar(one.cell.items, name=f"caterpillar_{at}", title=f"Utilities, {one.name}"),
    ]  # fmt: skip
    if one.trace.height > 1:
        plots.append(_convergence(one))
    if one.said.items["refused"].any():
        plots.append(
            refusal_panels(one.said.items, one.said.relation, name=f"refusal_{at}",
                           title=f"Refusal and utility, {one.name}")
        )  # fmt: skip
    return Section(
        title=one.name,
        anchor=f"campaign_{at}",
        text=tuple(str(note) for note in one.cell.analysis.summary["notes"]),
        plots=tuple(plots),
        tables=(
            _ends_table(one, texts),
            _origin_table(one),
            _quartile_table(one),
            _item_table(one),
        ),
    )


def _convergence(one: _Fitted) -> Plot:
    trace = {name: one.trace[name].to_list() for name in one.trace.columns}
    x = trace["comparisons"]
    return lines(
        [
            LinePanel(
                "rank correlation",
                [
                    Curve("expected ρ with the truth", x, trace["rho"], trace["rho_low"],
                         trace["rho_high"]),
                    Curve("ρ of successive fits", x, trace["successive"], dashed=True),
                ],
                x="comparisons",
                limits=(None, 1.005),
            ),
            LinePanel(
                "position effect β",
                [Curve("β", x, trace["effect"], trace["effect_low"], trace["effect_high"])],
                x="comparisons",
                marks=((0.0, ""),),
            ),
        ],
        name=f"convergence_{one.number}",
        title=f"Convergence, {one.name}",
        caption="Fitted again after each batch; bands: 95 % of the posterior. The ρ of successive "
        "fits shares their data and reads high.",
        columns=2,
    )  # fmt: skip


def _without(one: _Fitted) -> dict[str, Estimate]:
    if one.rest is None:
        return {}
    return {
        row["item"]: estimate_of(row | {"n": round(row["comparisons"])}, key="utility")
        for row in one.rest.iter_rows(named=True)
    }


def _item_rows(one: _Fitted) -> list[dict[str, Any]]:
    rest = _without(one)
    state = {True: "refused", False: "not refused"}
    return [
        {"rank": row["rank"], "ranks": f"{row['rank_low']}–{row['rank_high']}"}
        | {"item": row["item"], "origin": row["origin"], "se": row["se"]}
        | {"utility": estimate_of(row | {"n": round(row["comparisons"])}, key="utility")}
        | {"without": rest.get(row["item"]), "comparisons": row["comparisons"]}
        | {"refused": state[one.said.refused[row["item"]]]
           if one.said.completed and row["item"] in one.said.refused else "not completed"}
        for row in one.cell.items.iter_rows(named=True)
    ]  # fmt: skip


def _item_table(one: _Fitted) -> Table:
    return Table(
        name=f"items_{one.number}",
        title="Items, best first",
        columns=(
            Column("rank", "rank", "count"),
            Column("ranks", "rank, 95 %"),
            Column("item", "item"),
            Column("origin", "origin"),
            Column("utility", "utility"),
            Column("without", "without refused items"),
            Column("se", "se"),
            Column("comparisons", "comparisons", "count"),
            Column("refused", "completion"),
        ),
        rows=_item_rows(one),
        caption="Mean 0 over the items of each fit; the second is of a fit without the items that "
        "were refused.",
        first=20,
    )


def _ends_table(one: _Fitted, texts: dict[str, str]) -> Table:
    rows = _item_rows(one)
    ends = rows if len(rows) <= 2 * _ENDS else [*rows[:_ENDS], *rows[-_ENDS:]]
    return Table(
        name=f"ends_{one.number}",
        title="Top and bottom items",
        columns=(
            Column("rank", "rank", "count"),
            Column("item", "item"),
            Column("origin", "origin"),
            Column("utility", "utility"),
            Column("refused", "completion"),
            *([Column("text", "text", "excerpt")] if texts else []),
        ),
        rows=[row | {"text": texts.get(row["item"], "")} for row in ends],
    )


def _origin_table(one: _Fitted) -> Table:
    values: dict[str, list[float]] = {}
    origins = dict(one.cell.items.select("item", "origin").iter_rows())
    for item, estimate in _without(one).items():
        values.setdefault(origins[item], []).append(estimate.estimate)
    spread = dict(one.cell.items.group_by("origin").agg(pl.col("utility").std()).iter_rows())
    return Table(
        name=f"by_origin_{one.number}",
        title="Mean utility by origin",
        columns=(
            Column("origin", "origin"),
            Column("n", "items", "count"),
            Column("mean", "mean μ"),
            Column("sd", "sd", "number"),
            Column("without", "mean without refused items", "number"),
            Column("left", "items left", "count"),
        ),
        rows=[
            {"origin": origin, "n": mean.n, "mean": mean, "sd": spread[origin]}
            | {
                "without": float(np.mean(values[origin])) if origin in values else None,
                "left": len(values[origin]) if origin in values else None,
            }
            for origin, mean in one.cell.means.items()
        ],
        caption="Intervals are for these items, not for a population of such items.",
    )


def _quartile_table(one: _Fitted) -> Table:
    return Table(
        name=f"quartiles_{one.number}",
        title="Refusal by quartile of utility",
        columns=(
            Column("quartile", "quartile, 1 the lowest", "count"),
            Column("low_value", "from", "number"),
            Column("high_value", "to", "number"),
            Column("n", "items", "count"),
            Column("rate", "refused", "share"),
        ),
        rows=[
            row | {"rate": estimate_of(row, key="rate")}
            for row in one.said.relation.quartiles.iter_rows(named=True)
        ],
        caption="Over the items that were judged.",
    )


def _export(found: Sequence[_Fitted]) -> str:
    """All utilities of all campaigns, one row an item."""
    parts = []
    for one in found:
        rest = pl.DataFrame(schema={"item": pl.String}) if one.rest is None else one.rest
        columns = ("item", "utility", "se", "low", "high")
        rest = rest.select([name for name in columns if name in rest.columns])
        marks = pl.DataFrame(
            {"item": list(one.said.refused), "completion_refused": list(one.said.refused.values())},
            schema={"item": pl.String, "completion_refused": pl.Boolean},
        )
        table = one.cell.items.drop("refused", "refused_share").join(
            marks if one.said.completed else marks.clear(), on="item", how="left",
            maintain_order="left",
        )  # fmt: skip
        if one.rest is not None:
            table = table.join(
                rest, on="item", how="left", suffix="_without_refused", maintain_order="left"
            )
        parts.append(table.select(
            *(pl.lit(value).alias(name) for name, value in one.cell.cell.row.items()), pl.all()
        ))  # fmt: skip
    return defused_table(pl.concat(parts, how="diagonal")).write_csv()


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


def _measured(one: _Fitted) -> list[Quantity]:
    relation = one.said.relation
    measured = [
        Quantity(f"mean μ of {origin}, {one.name}", mean, partial(_mean, one=one, origin=origin))
        for origin, mean in one.cell.means.items()
    ]
    measured += [
        Quantity(f"position β, {one.name}", fitted_position(one.cell.analysis),
                 partial(_position, one=one)),
        Quantity(f"ρ with the truth, {one.name}", one.rho, partial(_rho, one=one)),
    ]  # fmt: skip
    if one.said.completed:
        measured += [
            Quantity(f"r of refusal, {one.name}", relation.point_biserial,
                     partial(_refusal, one=one, within=False)),
            Quantity(f"r of refusal within origins, {one.name}", relation.within_origin,
                     partial(_refusal, one=one, within=True)),
        ]  # fmt: skip
    return measured


def _unit(planted: Planted, one: _Fitted) -> float:
    """The noise of one answer that a fit takes for σ: the pair's own part is in it."""
    settings = planted.settings(one.cell.cell.rater)
    return math.sqrt(settings.noise**2 + settings.misfit**2 / 2)


def _truth(planted: Planted, one: _Fitted) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = planted.utilities(one.cell.cell.rater, one.cell.items["item"].to_list())
    return np.asarray((values - values.mean()) / _unit(planted, one))


def _mean(planted: Planted, *, one: _Fitted, origin: str) -> float:
    here = (one.cell.items["origin"] == origin).to_numpy()
    return float(_truth(planted, one)[here].mean())


def _position(planted: Planted, *, one: _Fitted) -> float:
    return planted.settings(one.cell.cell.rater).position_bias / _unit(planted, one)


def _rho(planted: Planted, *, one: _Fitted) -> float:
    return spearman(one.cell.items["utility"].to_numpy(), _truth(planted, one))


def _refusal(planted: Planted, *, one: _Fitted, within: bool) -> float:
    items = one.said.items["item"].to_list()
    return expected_r(
        planted.utilities(one.cell.cell.rater, items),
        planted.refusals(one.said.completer, items),
        one.said.items["origin"].to_list() if within else None,
    )


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
