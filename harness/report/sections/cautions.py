"""What a reader must know before believing the figures."""

from collections.abc import Sequence

import polars as pl

from harness.analysis.cells import Cell
from harness.analysis.choices import ChoiceCell
from harness.analysis.names import short
from harness.analysis.ratings import RatingCell
from harness.records.logs import LogInfo
from harness.records.served import served_by
from harness.report.parts.wording import number

__all__ = ["cautions", "record_cautions"]

_LOST = 0.05
"""Share of questions without a usable answer above which a cell is named."""

_ONE_LEVEL = 0.9
"""Share at one level above which reliabilities say little."""

_FEW = 0.25
"""Share of a KL that few answers alone would give above which it is named."""

_PLACE = 0.8
"""First-choice rate (or its complement) above which choices are mostly of a place."""


def cautions(
    frame: pl.DataFrame,
    logs: Sequence[LogInfo],
    cells: Sequence[Cell],
    ratings: Sequence[RatingCell],
    choices: Sequence[ChoiceCell],
) -> list[str]:
    """One line each, the gravest first."""
    return [
        *record_cautions(frame, logs, cells),
        *_one_level(ratings),
        *_one_place(choices),
        *_few_answers(ratings),
        *_refused(ratings),
        *_off_catalogue(ratings),
    ]


def record_cautions(
    frame: pl.DataFrame, logs: Sequence[LogInfo], cells: Sequence[Cell]
) -> list[str]:
    """Those that the records and their logs alone tell."""
    return [
        *_logs(logs),
        *_same_names(cells),
        *_several_endpoints(cells),
        *_lost(cells),
        *_asked_twice(frame),
        *_superseded(logs),
    ]


def _superseded(logs: Sequence[LogInfo]) -> list[str]:
    count = sum(log.superseded for log in logs)
    if not count:
        return []
    return [
        f"{number(count, 'count')} samples of older logs were left to a newer log of the same task "
        "(see Logs)."
    ]


def _logs(logs: Sequence[LogInfo]) -> list[str]:
    said = []
    for count, what in (
        (sum(log.unreadable for log in logs), "samples are missing: logs cut short or runs that "
         "did not end"),
        (sum(log.errored for log in logs), "samples ended in an error"),
        (sum(log.unusable for log in logs), "records have an unknown form and are left out"),
    ):  # fmt: skip
        if count:
            said.append(f"{number(count, 'count')} {what} (see Logs).")
    passed = sum(1 for log in logs if log.passed_over)
    if passed:
        said.append(f"{passed} files are not logs and were passed over (see Logs).")
    return said


def _same_names(cells: Sequence[Cell]) -> list[str]:
    hashes: dict[tuple[str, str], set[str]] = {}
    for cell in cells:
        asked = cell.template, str(cell.key["timing"])
        hashes.setdefault(asked, set()).add(cell.template_hash)
    return [
        f"Template {short(name)} stands for {len(found)} wordings; they are kept apart."
        for (name, _), found in hashes.items()
        if len(found) > 1
    ]


def _several_endpoints(cells: Sequence[Cell]) -> list[str]:
    return [
        f"{cell.name}: {said}; they are one model only if they serve it alike."
        for cell in cells
        if (said := served_by(cell.frame))
    ]


def _lost(cells: Sequence[Cell]) -> list[str]:
    said = []
    for cell in cells:
        total = cell.frame.height
        counts = dict(cell.frame.group_by("outcome").len().iter_rows())
        lost = {name: count for name, count in counts.items() if name != "answered"}
        if sum(lost.values()) > _LOST * total:
            parts = ", ".join(
                f"{number(count / total, 'share')} {name}"
                for name, count in sorted(lost.items(), key=lambda pair: -pair[1])
            )
            said.append(f"{cell.name}: {parts}. The other figures are of what was answered.")
    return said


def _asked_twice(frame: pl.DataFrame) -> list[str]:
    """The same prompt with the same seed in two runs: an echo, not a repeat, if it was honoured."""
    question = ["rater", "rater_identity", "prompt_hash", "seed", "template_hash"]
    same = (
        frame.select(*question, "log", "seed_honoured")
        .filter(pl.col("seed_honoured").fill_null(False) & pl.col("seed").is_not_null())
        .group_by(question)
        .agg(pl.col("log").n_unique().alias("runs"), pl.len())
        .filter(pl.col("runs") > 1)
    )
    if not same.height:
        return []
    return [
        f"{number(same.height, 'count')} questions were asked with the same seed in two or more "
        "runs: their answers count as repeats but may be the same draw, which raises agreement."
    ]


def _one_level(ratings: Sequence[RatingCell]) -> list[str]:
    return [
        f"{one.cell.name}: {number(one.quantities['modal_share'].estimate, 'share')} of ratings "
        "are at one level; its ICC and correlations rest on the few others."
        for one in ratings
        if one.quantities["modal_share"].estimate > _ONE_LEVEL
    ]


def _one_place(choices: Sequence[ChoiceCell]) -> list[str]:
    said = []
    for one in choices:
        rate = one.quantities["first_choice_rate"].estimate
        if max(rate, 1 - rate) > _PLACE:
            place = "first" if rate > 0.5 else "second"
            said.append(
                f"{one.cell.name}: {number(max(rate, 1 - rate), 'share')} of choices are of the "
                f"item shown {place}."
            )
    return said


def _few_answers(ratings: Sequence[RatingCell]) -> list[str]:
    said = []
    for one in ratings:
        kl, bias = (one.quantities[name].estimate for name in ("kl_uniform", "kl_bias"))
        if bias > _FEW * kl and bias > _FEW / 10:
            said.append(
                f"{one.cell.name}: a KL of {number(kl)} nats, of which a uniform respondent with "
                f"as few answers would show {number(bias)}."
            )
    return said


def _refused(ratings: Sequence[RatingCell]) -> list[str]:
    shares = {
        one.cell.name: one.cell.frame["completion_refused"].drop_nulls().mean() for one in ratings
    }
    high = [name for name, share in shares.items() if isinstance(share, float) and share > _LOST]
    if not high:
        return []
    return [
        f"In {len(high)} of {len(shares)} rating cells more than {number(_LOST, 'share')} of the "
        "completions rated are refusals; they are part of every mean. The reliability table has "
        "values without them."
    ]


def _off_catalogue(ratings: Sequence[RatingCell]) -> list[str]:
    names = sorted({one.cell.template for one in ratings if one.levels and one.levels.note})
    if not names:
        return []
    return [f"Not in the catalogue, levels taken from the records: {', '.join(map(short, names))}."]
