"""What a study is: parameters, a design made of cells, an analysis, and what it is judged by."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
import polars as pl

from harness.errors import UsageError
from harness.records.judgement import judgement_frame
from harness.records.log_runs import LogInfo
from harness.report.parts.table import Section, Table
from harness.stats.effects.power import Spread
from harness.stats.intervals import Bootstrap, Estimate
from harness.studies.planted import Planted

__all__ = [
    "Basis",
    "Contrast",
    "DesignCell",
    "Found",
    "Given",
    "JudgedParameters",
    "Parameters",
    "Quantity",
    "Study",
    "StudyDesign",
    "crossed",
    "estimate_in",
    "judge_options",
    "one_completer",
    "rating_cell",
]


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters that every study takes.

    raters: models that are asked, each `PROVIDER/NAME` or 'PROVIDER/NAME(setting=value, …)'
    completers: who completes the items; default: each rater its own
    templates: wordings that are asked
    items: as `-T items=` of the evals: builtin, math:FILE, FILE.jsonl, several joined by +
    per_origin: keep this many items of each origin
    sample_seed: draws them
    seeds: repeats of each question
    block: questions per Inspect sample
    price: IN,OUT in US dollars per million tokens, for all models
    """

    raters: tuple[str, ...] = ()
    completers: tuple[str, ...] = ()
    templates: tuple[str, ...] = ("anchored_precise_1_5",)
    items: str = "builtin"
    per_origin: int | None = None
    sample_seed: int = 0
    seeds: int = 4
    block: int = 25
    price: str | None = None


class JudgedParameters(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of studies that have completions judged.

    judge: model that judges completions; without, the rules alone do
    judge_price: as price, of the judge; without, price
    """

    judge: str | None = None
    judge_price: str | None = None


class DesignCell(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run of the design: an eval with its options, who is asked, completes and judges.

    `levels` are the values of the design's factors here; `judge` is the model that judges, None for
    the rules alone. Of completions alone the rater is the completer.
    """

    task: Literal["rating", "pairwise", "utilities", "completions", "open_ended"]
    options: dict[str, Any]
    rater: str
    completer: str
    levels: dict[str, str]
    judge: str | None = None

    @property
    def models(self) -> tuple[str, ...]:
        """Every model that the cell calls."""
        named = dict.fromkeys((self.rater, self.completer, self.judge))
        return tuple(name for name in named if name is not None)

    @property
    def name(self) -> str:
        """The levels in words."""
        return ", ".join(f"{key} {value}" for key, value in self.levels.items())


@dataclass(frozen=True)
class Basis:
    """What power is reckoned from: spreads on the normalised scale, items by origin, repeats."""

    spread: Spread
    origins: Mapping[str, int]
    repeats: int

    @property
    def items(self) -> int:
        """Items of all origins."""
        return sum(self.origins.values())


@dataclass(frozen=True)
class Contrast:
    """A contrast named beforehand, in words, and the `smallest` that is found with power .8."""

    words: str
    smallest: Callable[[Basis], float]


@dataclass(frozen=True)
class StudyDesign:
    """The cells, the factors that they cross, and the contrasts that were named beforehand.

    `contrasts` are those of `primary` whose power can be reckoned. `prepares` says what is done
    without a call, before the cells."""

    cells: tuple[DesignCell, ...]
    primary: tuple[str, ...]
    contrasts: tuple[Contrast, ...] = ()
    prepares: str = ""

    @property
    def factors(self) -> dict[str, tuple[str, ...]]:
        """Each factor with its levels, in the order of the cells."""
        found: dict[str, dict[str, None]] = {}
        for cell in self.cells:
            for name, value in cell.levels.items():
                found.setdefault(name, {})[value] = None
        return {name: tuple(values) for name, values in found.items()}


@dataclass(frozen=True)
class Quantity:
    """A quantity with its interval, and how its planted value is found where there is one."""

    name: str
    estimate: Estimate
    planted: Callable[[Planted], float] | None = None


@dataclass(frozen=True)
class Found:
    """What a study found: at most five `sentences`, tables, sections, and quantities.

    The first of `tables` are the main findings. `files` are further texts to write, by file name.
    `facts` are number and what of, at the page's head, where records do not say them.
    """

    sentences: Sequence[str]
    tables: Sequence[Table]
    sections: Sequence[Section]
    measured: Sequence[Quantity] = ()
    cautions: Sequence[str] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    facts: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Given:
    """What an analysis gets: the records, the study's parameters, how to draw, and the verdicts.

    `logs` say what each log that was read is of; `places` are the folders they were looked for in,
    the study's own first.
    """

    frame: pl.DataFrame
    parameters: Any
    bootstrap: Bootstrap
    judgements: pl.DataFrame = field(default_factory=lambda: judgement_frame(()))
    logs: Sequence[LogInfo] = ()
    places: Sequence[Path] = ()

    @property
    def ratings(self) -> pl.DataFrame:
        """The ratings among the records; UsageError where there are none."""
        found = self.frame.filter(pl.col("kind") == "rating")
        if not found.height:
            raise UsageError("no ratings among the records; expected logs of rating evals")
        return found


@dataclass(frozen=True)
class Study:
    """A named study.

    `design` raises UsageError for what it cannot do, before any call; `analyse` for records that
    do not hold the design. `small` and `rehearsal` are parameters that stand over the defaults.
    `opened` makes ready in a run's folder what its cells need (a server, say), and ends it again.
    `raters` is false where the design names its models itself, `records` where its logs hold none,
    and `cells` where it asks nothing. `instead` names a parameter that may hold logs to analyse,
    so that nothing is asked.
    """

    name: str
    question: str
    parameters: type[Parameters]
    design: Callable[[Any], StudyDesign]
    analyse: Callable[[Given], Found]
    small: Mapping[str, Any]
    rehearsal: Mapping[str, Any]
    needs: tuple[str, ...] = ()
    opened: Callable[[Any, Path], AbstractContextManager[None]] | None = None
    raters: bool = True
    records: bool = True
    cells: bool = True
    instead: str | None = None

    def logs_instead(self, parameters: Any) -> str | None:
        """Where the logs lie that are analysed in place of asking; None where the study asks."""
        return (getattr(parameters, self.instead) or None) if self.instead else None

    def ready(self, parameters: Any, folder: Path) -> AbstractContextManager[None]:
        """What the cells of a run in `folder` need, for as long as they run."""
        return nullcontext() if self.opened is None else self.opened(parameters, folder)


def rating_cell(
    parameters: Parameters,
    rater: str,
    template: str,
    *,
    completer: str | None = None,
    levels: Mapping[str, str],
    **options: Any,
) -> DesignCell:
    """A cell of ratings with the options that all cells of a study share."""
    shared = _shared(parameters) | {"template": template, "seeds": parameters.seeds}
    judge = None
    if isinstance(parameters, JudgedParameters):
        judge = parameters.judge
        shared |= judge_options(parameters)
    return DesignCell(
        task="rating",
        options=shared | options,
        rater=rater,
        completer=completer or rater,
        levels=dict(levels),
        judge=judge,
    )


def judge_options(parameters: JudgedParameters) -> dict[str, Any]:
    """What an eval is told of the judge beside its role: the price of its tokens, where known."""
    price = parameters.judge_price or parameters.price
    return {} if parameters.judge is None or price is None else {"judge_price": price}


def crossed(
    parameters: Parameters, conditions: Iterable[tuple[Mapping[str, str], Mapping[str, Any]]]
) -> tuple[DesignCell, ...]:
    """Every rater in every template under each condition: its levels and its options.

    UsageError where several completers are named: in these designs one completes for all.
    """
    completer = one_completer(parameters)
    chosen = list(conditions)
    return tuple(
        rating_cell(
            parameters,
            rater,
            template,
            completer=completer,
            levels={"rater": rater, "template": template} | dict(levels),
            **options,
        )
        for rater in parameters.raters
        for template in parameters.templates
        for levels, options in chosen
    )


def one_completer(parameters: Parameters) -> str | None:
    """Who completes for all raters, None for each rater its own; UsageError for several."""
    if len(parameters.completers) > 1:
        raise UsageError(
            f"completers={', '.join(parameters.completers)}; expected one for all raters, or none "
            "for each rater its own (a matrix is the study self-vs-cross)"
        )
    return parameters.completers[0] if parameters.completers else None


def estimate_in(row: Mapping[str, object], name: str) -> Estimate:
    """The estimate that a table's row has under that name."""
    value = row[name]
    assert isinstance(value, Estimate)
    return value


def _shared(parameters: Parameters) -> dict[str, Any]:
    names = ("items", "per_origin", "sample_seed", "block", "price")
    values = {name: getattr(parameters, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}
