"""Which items' completions are refusals, by one named judge, and utilities beside that."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from harness.analysis.utilities import UtilityCell
from harness.records.judgement import RULE
from harness.stats.effects.refusal import RefusalPreference, refusal_preference
from harness.stats.intervals import Bootstrap, FloatArray
from harness.stats.thurstone.fit import Fit, fit
from harness.stats.thurstone.table import utilities
from harness.studies.models import read_model
from harness.studies.study import Given

__all__ = ["QUESTIONS", "Verdicts", "expected_r", "verdicts", "without_refused"]

QUESTIONS = "questions refused"
"""What stands in for verdicts where no completion was judged."""


@dataclass(frozen=True)
class Verdicts:
    """Of one cell: whether each judged item was refused, who says so, who completed it, and what
    refusal has to do with utility over these items."""

    refused: Mapping[str, bool]
    judge: str
    completer: str
    relation: RefusalPreference
    items: pl.DataFrame

    @property
    def completed(self) -> bool:
        """Whether the verdicts are about completions."""
        return self.judge != QUESTIONS


def verdicts(one: UtilityCell, given: Given) -> Verdicts:
    """Verdicts on the completions of the cell's completer; where there are none, an item counts as
    refused when half of its questions were.

    The judge is the only model that judged refusals, else the rule: verdicts are never mixed.
    """
    own = given.parameters.completers
    named = str(one.cell.key["completer"] or "")
    completer = named or (read_model(own[0]).name if own else one.cell.rater)
    of = _completers(given)
    judged = given.judgements.filter(
        pl.col("kind") == "refusal", pl.col("item").is_not_null(), pl.col("value").is_not_null()
    )
    judged = judged.filter(
        pl.col("log").map_elements(lambda log: of.get(log, completer), pl.String) == completer
    )
    models = sorted(set(judged["judge"].unique()) - {RULE})
    judge = models[0] if len(models) == 1 else RULE
    marks = judged.filter(pl.col("judge") == judge).group_by("item").agg(pl.col("value").mean())
    refused = {item: value >= 0.5 for item, value in marks.iter_rows()}
    if not set(refused) & set(one.items["item"]):
        refused = dict(one.items.select("item", "refused").iter_rows())
        judge = _records_judge(one)
    items = one.items.filter(pl.col("item").is_in(list(refused))).with_columns(
        refused=pl.col("item").replace_strict(refused, return_dtype=pl.Boolean)
    )
    return Verdicts(refused, judge, completer, _relation(items, given.bootstrap), items)


def _records_judge(one: UtilityCell) -> str:
    """Who says so in the records themselves."""
    known = one.cell.frame.filter(pl.col("completion_refused_first").is_not_null())
    said = known["completion_refused_by"].drop_nulls()
    return (str(said[0]) if len(said) else RULE) if known.height else QUESTIONS


def _completers(given: Given) -> dict[str, str]:
    """Who completed, by log, where the log says it."""
    designs = {log.path: log.metadata.get("design") for log in given.logs}
    return {
        path: read_model(str(design["completer"])).name
        for path, design in designs.items()
        if isinstance(design, dict) and design.get("completer")
    }


def _relation(items: pl.DataFrame, bootstrap: Bootstrap) -> RefusalPreference:
    return refusal_preference(
        items["refused"].to_numpy(),
        items["utility"].to_numpy(),
        bootstrap=bootstrap,
        origins=items["origin"].to_list(),
    )


def without_refused(fitted: Fit, refused: Mapping[str, bool], *, seed: int) -> pl.DataFrame | None:
    """The table of utilities of a fit without the refused items; None where none is refused, or
    nothing is left."""
    drop = [item for item in fitted.data.items if refused.get(item)]
    rest = fitted.data.without_items(drop)
    if not drop or rest.total <= 0:
        return None
    return utilities(fit(rest, fitted.options), rng=np.random.default_rng(seed))


def expected_r(utility: FloatArray, chance: FloatArray, within: list[str] | None) -> float:
    """Point-biserial r to expect where items are refused with these chances; within groups, their
    means taken out, where given."""
    groups = np.unique(within, return_inverse=True)[1] if within else np.zeros(len(utility), int)
    count = np.bincount(groups)
    mean_u = np.bincount(groups, weights=utility) / count
    mean_c = np.bincount(groups, weights=chance) / count
    u, c = utility - mean_u[groups], chance - mean_c[groups]
    spread = float((chance * (1 - chance)).mean() + (c**2).mean())
    scale = np.sqrt(spread * float((u**2).mean()))
    return float((u * c).mean() / scale) if scale > 0 else float("nan")
