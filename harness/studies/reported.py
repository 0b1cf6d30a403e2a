"""What the research log reported, beside what was measured here."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any

from harness.prompts.conditions import CONDITIONS
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.wording import number, shown
from harness.stats.intervals import Estimate, average_cells

__all__ = ["FOLDER", "published", "reported_section"]

FOLDER = ""
"""Stands for no study: the report on a folder of logs."""

_ALL = ("overall", "all", "all 7164")
"""Rows of the log that are means over everything."""

Row = Mapping[str, Any]
Match = Callable[[Mapping[str, str], Row], bool]


@dataclass(frozen=True)
class _Counterpart:
    """Where a table of the log has its like: a table here (`x_*`: all whose names begin so), the
    columns that name a row in both, and which column of the log is which here (`x#cells`: how many
    cells x averages).

    `match` finds rows that names alone do not.
    """

    table: str
    names: tuple[str, ...]
    columns: Mapping[str, str]
    match: Match | None = field(default=None, repr=False)

    def like(self, reported: Mapping[str, str], row: Row) -> bool:
        """Whether a row here is of what the log's row is of."""
        if self.match is not None:
            return self.match(reported, row)
        if reported["row"] in _ALL:
            return True
        wanted = sorted(_plain(part) for part in reported["row"].split(" ~ "))
        return wanted == sorted(_plain(str(row.get(name))) for name in self.names)


def _plain(name: str) -> str:
    """A model's name without its provider and settings; any other name as it is."""
    return re.sub(r"[(@:].*", "", name.rpartition("/")[2].lower() or name.lower()).strip()


def _own(reported: Mapping[str, str], row: Row) -> bool:
    """Rows of one template, a rater's own completions or those of others."""
    same = _plain(str(row["rater"])) == _plain(str(row["completer"]))
    rater, _, which = reported["row"].rpartition(" ")
    if reported["row"].endswith("cells)"):
        rater, which = "", reported["row"].partition(" ")[0]
    template = reported["table"].partition(" ")[0]
    right = not rater or _plain(str(row["rater"])) == _plain(rater)
    return right and same == (which == "self") and row["template"] == template


def _of_template(reported: Mapping[str, str], row: Row) -> bool:
    """Rows of the template that the log's table is about, by origin."""
    template = reported["table"].rpartition(" ")[0].rpartition(" ")[2]
    return bool(row["template"] == template and row["origin"] == reported["row"])


def _of_measurement(reported: Mapping[str, str], row: Row) -> bool:
    """Cells under a prompt for the items, none or one against them: "measured neutral, completed
    positive or neutral"."""
    measured, _, completed = reported["row"].removeprefix("measured ").partition(", ")
    made = completed.removeprefix("completed ").split(" or ")
    right = completed == "any completion" or _tone(row["completion"]) in made
    return right and _tone(row["measurement"]) == measured


def _tone(prompt: object) -> str:
    known = CONDITIONS.get(str(prompt))
    return ("neutral", "positive", "negative")[known.sign] if known is not None else str(prompt)


def _of_ratio(reported: Mapping[str, str], row: Row) -> bool:
    """The ratio of effects under a template of that name."""
    return row["effect"] == "measurement ÷ completion" and str(row["template"]).startswith(
        reported["row"]
    )


def _of_prompt(reported: Mapping[str, str], row: Row) -> bool:
    """A prompt in one origin: "affective_pos (loves helping), alpaca"."""
    prompt, _, origin = reported["row"].rpartition(", ")
    return bool(row["prompt"] == prompt.partition(" (")[0] and row["origin"] == origin)


def _of_pair(reported: Mapping[str, str], row: Row) -> bool:
    """The prompt for or against of a category."""
    known = CONDITIONS.get(str(row["prompt"]))
    sign = 1 if reported["column"].startswith("positive") else -1
    return known is not None and known.category == reported["row"] and known.sign == sign


_LOG_DOSES = {
    "llama-3.1-8b last": 0.2,
    "gemma-2-27b last": 0.28,
    "gemma-2-27b first": 0.6,
    "gemma-2-27b mean": 0.07,
}
"""What the log's raw coefficient of 2 is in units of the norm of a typical activation."""


def _of_dose(reported: Mapping[str, str], row: Row) -> bool:
    """The log's raw coefficient as a dose of the vector of that selector."""
    arm = reported["table"].partition(",")[0]
    wanted = float(reported["row"]) / 2 * _LOG_DOSES[arm]
    named = row["direction"] == arm.rpartition(" ")[2]
    return bool(named and abs(float(row["dose"]) - wanted) < 0.005)


def _of_steered(_: Mapping[str, str], row: Row) -> bool:
    """Without persona and context, at the dose of .6 that the log's +6 was."""
    bare = row["made"] == "none" and row["asked"] == "none"
    return bool(bare and abs(float(row["dose"]) - 0.6) < 0.005)


def _of_norm(reported: Mapping[str, str], row: Row) -> bool:
    """One model, selector and layer; a vector of norm 1 was normalised, and has no like here."""
    said, _, layer = reported["row"].rpartition(", layer ")
    model, _, selector = said.rpartition(" ")
    one = (_plain(str(row["model"])), row["selector"], str(row["layer"]))
    normalised = reported["column"] == "vector_norm" and float(reported["value"]) == 1
    return one == (model, selector, layer) and not normalised


def _of_penalty(reported: Mapping[str, str], row: Row) -> bool:
    """Bounded fits with σ fitted to the same kind of data: at λ = 0, above it, or any."""
    same = str(row["data"]).startswith(reported["table"]) and row["bounded"]
    if not same or row["penalty"] is None:
        return False
    if reported["row"].endswith("lambda 0"):
        return bool(row["penalty"] == 0)
    return bool(row["penalty"] > 0 or reported["row"] != "regularised")


_CONSISTENCY = {
    "mean_consistency": "consistency",
    "share_at_least_.5": "consistent_50",
    "share_at_least_.7": "consistent_70",
    "share_at_least_.9": "consistent_90",
    "share_of_items_at_1": "zero_variance",
}
_SPREAD = {"kl": "kl_uniform", "icc": "icc"}
_MU = _Counterpart("by_origin", ("origin",), {"mean_mu": "mean", "n": "mean#n"}, _of_template)
_MATRIX = _Counterpart("cells", (), {"icc": "icc", "mean": "mean", "kl": "kl_uniform"}, _own)

_LIKE: dict[tuple[str, str], _Counterpart] = {
    ("seed-sensitivity", "cross_seed_r_by_template"): _Counterpart(
        "cross_seed_r", ("template",), {"mean_r": "cross_seed_r", "pairs": "cross_seed_r#cells"}
    ),
    ("seed-sensitivity", "cross_seed_r_by_origin"): _Counterpart(
        "by_origin", ("origin",), {"mean_r": "r"}
    ),
    ("seed-sensitivity", "stated_revealed"): _Counterpart("stated_revealed", (), {"mean_r": "r"}),
    ("seed-sensitivity-multimodel", "cross_seed_r"): _Counterpart(
        "by_rater", ("rater",), {"mean_r": "cross_seed_r"}
    ),
    ("rating-variance", "informative_r"): _Counterpart(
        "variance", (), {"informative_r": "informative_r", "r": "cross_seed_r"}
    ),
    ("rating-variance", "distribution"): _Counterpart(
        "by_rater", ("rater",), {"discrimination_rate": "discrimination_rate"}
    ),
    ("rating-variance", "discrimination_by_template"): _Counterpart(
        "by_template", ("template",), {"discrimination_rate": "discrimination_rate"}
    ),
    ("discrimination", "by_rater"): _Counterpart("by_rater", ("rater",), _SPREAD),
    ("discrimination", "by_template"): _Counterpart("by_template", ("template",), _SPREAD),
    ("consistency", "summary"): _Counterpart("consistency", ("rater",), _CONSISTENCY),
    ("consistency-models", "by_rater"): _Counterpart("consistency", ("rater",), _CONSISTENCY),
    ("consistency-models", "ceiling"): _Counterpart("consistency", ("rater",), _CONSISTENCY),
    ("consistency-models", "between_raters"): _Counterpart(
        "between_raters", ("rater", "other"), {"pearson": "pearson", "spearman": "spearman"}
    ),
    ("sysprompt-3x3", "cell_means_llama-3.3-70b_math (read from text)"): _Counterpart(
        "cell_means", (), {"mean": "mean"}, _of_measurement
    ),
    ("sysprompt-3x3", "effects"): _Counterpart(
        "effects", (), {"ratio_measurement_to_completion": "estimate"}, _of_ratio
    ),
    ("sysprompt-grid", "deltas_from_neutral"): _Counterpart(
        "deltas", (), {"delta": "delta"}, _of_prompt
    ),
    ("sysprompt-v2", "effect_sizes_alpaca"): _Counterpart(
        "deltas", (), {"positive_delta": "delta", "negative_delta": "delta"}, _of_pair
    ),
    ("steering-stated", "effects (raw coefficient 6, layer 16, llama-3.1-8b)"): _Counterpart(
        "cell_means", (), {"delta_mean": "delta"}, _of_steered
    ),
    **{
        ("steering-open-ended", f"{arm}, layer {23 if 'gemma' in arm else 16}"): _Counterpart(
            "by_dose", (), {"attitude": "attitude"}, _of_dose
        )
        for arm in _LOG_DOSES
    },
    ("steering-norms", "norms"): _Counterpart(
        "norms", (), {"vector_norm": "difference", "activation_norm": "at_selector"}, _of_norm
    ),
    **{
        ("thurstone-regularisation", data): _Counterpart(
            "path_*",
            (),
            {"accuracy": "accuracy", "test_nll": "test", "max_sigma": "max_sigma"},
            _of_penalty,
        )
        for data in ("dense synthetic", "sparse synthetic", "real")
    },
    ("self-vs-cross", "fruit_rating aggregate"): _MATRIX,
    ("self-vs-cross", "fruit_rating by rater"): _MATRIX,
    ("self-vs-cross", "anchored_precise_1_5 aggregate"): _MATRIX,
    ("self-vs-cross", "anchored_precise_1_5 by rater"): _MATRIX,
    ("refusal-stated", "by_origin"): _Counterpart(
        "by_origin",
        ("origin",),
        {"n": "items", "refusals": "refused", "rate": "rate", "mean_refused": "mean_refused"}
        | {"mean_not_refused": "mean_others", "point_biserial_r": "r"},
    ),
    ("pairwise-templates", "correlation"): _Counterpart(
        "correlations", ("one", "two"), {"pearson": "across"}
    ),
    ("pairwise-templates", "enjoy_most mu"): _MU,
    ("pairwise-templates", "do_again mu"): _MU,
    ("pairwise-templates", "refusal"): _Counterpart(
        "refusal", ("template",), {"point_biserial_r": "r"}
    ),
    ("utilities", "gemma-3-27b simple_preference mu"): _Counterpart(
        "by_origin_*", ("origin",), {"n": "n", "mean_mu": "mean", "sd": "sd"}
    ),
    ("utilities", "gemma-3-27b refusal"): _Counterpart(
        "refusal",
        (),
        {"mean_refused": "mean_refused", "mean_not_refused": "mean_others"}
        | {"point_biserial_r": "r"},
    ),
    ("position-bias", "first_choice"): _Counterpart("choices", (), {"first": "first_choice_rate"}),
    (FOLDER, "cross_seed_r_by_template"): _Counterpart(
        "reliability", ("template",), {"mean_r": "cross_seed_r"}
    ),
    (FOLDER, "by_template"): _Counterpart("reliability", ("template",), _SPREAD),
    (FOLDER, "by_rater"): _Counterpart("reliability", ("rater",), _SPREAD | _CONSISTENCY),
    (FOLDER, "first_choice"): _Counterpart("choices", (), {"first": "first_choice_rate"}),
}
"""Counterparts by study and the log's table. What is not here was not measured in the same form."""

_FOLDER_STUDIES = ("seed-sensitivity", "discrimination", "consistency-models", "position-bias")
"""Studies of the log whose figures any folder of ratings or choices may hold."""


def published(study: str) -> list[dict[str, str]]:
    """The figures that the research log reported of a study.

    `standing` is "impossible" for what cannot be right whatever was measured, "doubtful" where a
    fault of the log's own code or design is known, else empty; `note` says why.
    """
    text = (files("harness.studies") / "published_log.csv").read_text(encoding="utf-8")
    return [row for row in csv.DictReader(text.splitlines()) if row["study"] == study]


def reported_section(study: str, tables: Sequence[Table]) -> Section | None:
    """The log's figures beside those of `tables`; None where it has none of this study.

    Of `FOLDER` only what has a counterpart is shown.
    """
    known = {table.name: table for table in tables}
    wanted = _FOLDER_STUDIES if study == FOLDER else (study,)
    rows = [
        _compared(row, _LIKE.get((study, row["table"])), known)
        for name in wanted
        for row in published(name)
    ]
    if study == FOLDER:
        rows = [row for row in rows if row["cells"]]
    if not rows:
        return None
    met = sum(bool(row["cells"]) for row in rows)
    standing = Counter(row["standing"] for row in rows)
    return Section(
        title="What the research log reported",
        anchor="log",
        text=(
            "Other models, so no target: the log's figures show what each table looks like. Of "
            f"{len(rows)} figures {standing['impossible']} are impossible (no data can give the "
            f"value) and {standing['doubtful']} doubtful (a fault of the log's code or design is "
            f"known), with the reason in their row; {met} have a counterpart here.",
        ),
        tables=(_table(rows),),
    )


def _compared(
    reported: Mapping[str, str], like: _Counterpart | None, tables: Mapping[str, Table]
) -> dict[str, Any]:
    """One figure of the log with what was measured, averaged where several cells are like it."""
    said = {
        "study": reported["study"],
        "what": f"{reported['table']}, {reported['row']}".replace("_", " "),
        "quantity": reported["column"].replace("_", " "),
        "value": reported["value"],
        "standing": reported["standing"],
        "note": reported["note"],
    }
    nothing = {"measured": None, "cells": 0, "of": "not measured here"}
    if like is None or reported["column"] not in like.columns:
        return said | nothing
    name, _, part = like.columns[reported["column"]].partition("#")
    found = [table for called, table in tables.items() if fnmatchcase(called, like.table)]
    rows = [row for table in found for row in table.rows if like.like(reported, row)]
    values = [_part(row[name], part) for row in rows if row.get(name) is not None]
    if not values:
        return said | nothing
    return said | {
        "measured": _mean(values, name),
        "cells": len(values),
        "of": _of(rows, like.table),
    }


def _part(value: Any, part: str) -> Any:
    return getattr(value, part) if part else value


def _mean(values: Sequence[Any], quantity: str) -> Any:
    if len(values) == 1:
        return values[0]
    if all(isinstance(value, Estimate) for value in values):
        return average_cells(list(values), quantity=quantity)
    return sum(float(value) for value in values) / len(values)


def _of(rows: Sequence[Row], table: str) -> str:
    """Whose the measured value is."""
    if len(rows) > 1:
        return f"mean of {len(rows)} rows of {table}"
    names = [str(rows[0][name]) for name in ("rater", "completer", "template") if rows[0].get(name)]
    return ", ".join(names) or f"the one row of {table}"


def _table(rows: list[dict[str, Any]]) -> Table:
    several = len({row["study"] for row in rows}) > 1
    return Table(
        name="log_reported",
        title="Log reported, measured",
        columns=(
            *([Column("study", "study")] if several else []),
            Column("what", "what"),
            Column("quantity", "quantity"),
            Column("reported", "log reported"),
            Column("measured", "measured"),
            Column("of", "measured of"),
            Column("standing", "standing"),
            Column("note", "reason"),
        ),
        rows=[
            row
            | {"reported": _number(row["value"])}
            | {"impossible": row["standing"] == "impossible"}
            for row in rows
        ],
        caption="Rows of several raters or templates are averaged and say how many.",
        first=12,
        bad="impossible",
    )


def _number(text: str) -> str:
    """The log's value as it was written, with a true minus."""
    try:
        return shown(float(text), "plain")
    except ValueError:
        return text or number(None)
