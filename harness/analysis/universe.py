"""Utilities of a cell whose wordings or contexts were drawn: over all that might have been.

What the page shows of a fit is shown of this one as well. Utilities, their intervals, ranks and
means of groups are of the joint fit (`stats.facets`); what says how well the choices are described
(held-out pairs, win rates, what refusals change) is of the fit that takes all wordings for one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from harness.analysis.cells import Cell
from harness.stats.choices.questions import questions_from_records
from harness.stats.choices.utilities import Analysis, analyse
from harness.stats.facets.joint import JointFit
from harness.stats.facets.universe import over_records
from harness.stats.thurstone.ranking import expected_rho, within_groups

__all__ = ["OverDrawn", "over_drawn"]

_Z = 1.959964


@dataclass(frozen=True, eq=False)
class OverDrawn:
    """`analysis` with the joint fit's table and figures, and that fit."""

    analysis: Analysis
    joint: JointFit

    def means(self, labels: Sequence[str]) -> pl.DataFrame:
        """Mean utility of the items of each label: `group, mean, low, high, n`."""
        names = sorted(set(labels))
        members = np.array([[label == name for label in labels] for name in names], float)
        pick = members / members.sum(axis=1, keepdims=True)
        mean = pick @ self.joint.utilities
        se = np.sqrt(np.maximum(np.einsum("gi,ij,gj->g", pick, self.joint.covariance, pick), 0))
        return pl.DataFrame(
            {
                "group": names,
                "mean": mean,
                "low": mean - _Z * se,
                "high": mean + _Z * se,
                "n": members.sum(axis=1).astype(int),
            }
        )


def over_drawn(cell: Cell, *, seed: int) -> OverDrawn:
    """Fit; UsageError as the joint fit."""
    found = over_records(cell.asked, cell.over, seed=seed, where=cell.name)
    questions = questions_from_records(cell.frame)
    items = found.fit.answers.data.items
    pooled = analyse(questions, seed=seed, items=items)
    rng = np.random.default_rng(seed)
    drawn = found.fit.draws(256, rng)
    labels = [origin or "" for origin in pooled.origins]
    summary = pooled.summary | {
        "over": found.summary["over"],
        "shares": found.summary["shares"],
        "expected_rho": expected_rho(found.fit.utilities, drawn),
        "expected_rho_within_origin": within_groups(found.fit.utilities, drawn, labels),
        **_position(found.fit),
        "notes": [_said(cell, found.summary), *found.summary["notes"], *pooled.summary["notes"]],
    }
    table = found.table.select(*(name for name in pooled.table.columns if name != "sigma"))
    return OverDrawn(replace(pooled, table=table, summary=summary), found.fit)


def _said(cell: Cell, summary: dict[str, Any]) -> str:
    levels = " and ".join(f"{len(names)} {name}s" for name, names in summary["over"].items())
    shares = ", ".join(
        f"item × {name} {share['share']:.2f} [{share['low']:.2f}, {share['high']:.2f}]"
        for name in cell.over
        for share in summary["shares"]
        if share["source"] == f"item × {name}"
    )
    return (
        f"utilities over all that the {levels} were drawn from, by a joint fit: intervals contain "
        f"how far another draw would lie; shares of a choice's variance: {shares}"
    )


def _position(fitted: JointFit) -> dict[str, float]:
    mean, se = fitted.position
    return {
        "position_effect": mean,
        "position_effect_low": mean - _Z * se,
        "position_effect_high": mean + _Z * se,
    }
