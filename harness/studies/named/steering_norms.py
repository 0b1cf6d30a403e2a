"""How long concept vectors and activations are, by model, selector and layer."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
from scipy import stats

from harness.errors import UsageError
from harness.items.load import load_items
from harness.prompts.conditions import condition
from harness.report.parts.dose import DoseLine, Responses, dose_response
from harness.report.parts.style import Plot
from harness.report.parts.table import Column, Section, Table
from harness.report.parts.wording import number, shown
from harness.stats.intervals import Estimate, FloatArray
from harness.studies.planted import Planted
from harness.studies.steered.model import CONCEPT, PLANTED, Steered, checked, served_name
from harness.studies.steered.serving import VECTORS, extracted
from harness.studies.steered.truth import context_of, said_greedily, streams_of
from harness.studies.study import Found, Given, Quantity, Study, StudyDesign
from harness.where import SHELL_DIRECTORY
from harness.wire import Message

__all__ = ["STUDY"]

_SELECTORS = ("first", "last", "mean")
_FILE = f"{CONCEPT}.norms.csv"
_MANY = 64


class _SteeringNorms(Steered, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of steering-norms.

    selectors: tokens of the span whose activations are compared: first, last, mean
    """

    selectors: tuple[str, ...] = _SELECTORS


class _Norms(msgspec.Struct, frozen=True):
    """A row of what `steering-server extract` says; see its `NormRow`."""

    model: str
    selector: str
    layer: int
    at_selector: float
    difference: float
    share: float
    mean_without_sink: float
    median: float
    mean_all: float
    items: int
    at_selector_error: float
    difference_error: float
    mean_without_sink_error: float
    mean_all_error: float

    def estimate(self, name: str) -> Estimate:
        """A norm with its interval: Student's over items, two conversations each."""
        value, error = getattr(self, name), getattr(self, f"{name}_error")
        half = float(stats.t.ppf(0.975, max(1, self.items - 1))) * error
        return Estimate(estimate=value, low=value - half, high=value + half, n=self.items,
                        interval="t")  # fmt: skip


def _design(given: _SteeringNorms) -> StudyDesign:
    checked(given, "steering-norms", models=_MANY, vectors=0)
    if given.server is not None:
        raise UsageError(
            "steering-norms reads a model's activations; give --model DIR, not --server"
        )
    unknown = [one for one in given.selectors if one not in _SELECTORS]
    if unknown or not given.selectors:
        raise UsageError(
            f"selectors={', '.join(given.selectors)} of steering-norms; expected some of "
            f"{', '.join(_SELECTORS)}"
        )
    names = [_name(given, model) for model in given.model]
    if len(set(names)) < len(names):
        raise UsageError(f"two models of steering-norms have the name {names[0]}")
    return StudyDesign(
        (),
        ("norm of the vector and of activations, by model, selector and layer",),
        prepares=f"{given.positive} against {given.negative} is extracted over "
        f"{given.extract_items} from {', '.join(names)}",
    )


def _name(given: _SteeringNorms, model: str) -> str:
    return served_name(given, model if len(given.model) > 1 else None)


@contextmanager
def _opened(given: _SteeringNorms, folder: Path) -> Iterator[None]:
    for model in given.model:
        name = _name(given, model)
        output = folder / VECTORS / name / f"{CONCEPT}.safetensors"
        extracted(given, model, name, output, given.selectors)
    yield


def _rows(places: Sequence[Path]) -> list[_Norms]:
    """The rows of every norms file in the folders; UsageError where there is none."""
    files = [path for place in places for path in sorted(place.rglob("*.norms.csv"))]
    found = []
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
            found += [msgspec.convert(row, _Norms, strict=False)
                      for row in csv.DictReader(text.splitlines())]  # fmt: skip
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: {' '.join(str(error).split())[:120]}") from None
    if not found:
        raise UsageError(
            f"steering-norms: no {_FILE} of `steering-server extract` in "
            f"{', '.join(map(str, places)) or 'no folder'}"
        )
    return found


def _analyse(given: Given) -> Found:
    rows = _rows(given.places)
    parameters: _SteeringNorms = given.parameters
    models = list(dict.fromkeys(row.model for row in rows))
    return Found(
        sentences=[_sentence([row for row in rows if row.model == model]) for model in models][:5],
        tables=[_table(rows)],
        sections=[
            Section(
                title="Norms by layer",
                anchor="norms",
                text=(
                    "The vector is the mean difference of the selected activations under the two "
                    "system prompts. Each conversation's first token is a sink of attention whose "
                    "norm may be a hundred times the others': doses are multiples of the mean "
                    "norm without it.",
                ),
                plots=tuple(_plots(rows, models)),
            )
        ],
        measured=list(_quantities(rows, parameters)) if parameters.model == (PLANTED,) else [],
        facts=[
            (number(len(models), "count"), "models"),
            (number(len({row.layer for row in rows}), "count"), "layers"),
            (number(len({row.selector for row in rows}), "count"), "selectors"),
            (number(max(row.items for row in rows), "count"), "items"),
        ],
    )


def _sentence(rows: Sequence[_Norms]) -> str:
    """One model at its middle layer."""
    layers = sorted({row.layer for row in rows})
    middle = layers[11 * len(layers) // 20]
    here = [row for row in rows if row.layer == middle]
    first = here[0]
    vectors = ", ".join(
        f"{row.selector} {shown(row.estimate('difference'))} ({row.share:.2f})" for row in here
    )
    return (
        f"{first.model}, layer {middle}: activations measure "
        f"{shown(first.estimate('mean_without_sink'))} without the first token, "
        f"{first.mean_all / first.mean_without_sink:.2f} times that with it; vectors (as shares of "
        f"it): {vectors} ({first.items} items)."
    )


def _table(rows: Sequence[_Norms]) -> Table:
    return Table(
        name="norms",
        title="Norms of vectors and activations",
        columns=(
            Column("model", "model"),
            Column("selector", "selector"),
            Column("layer", "layer", "count"),
            Column("difference", "vector, raw"),
            Column("share", "vector ÷ activation", "number"),
            Column("at_selector", "activation at the selector"),
            Column("mean_without_sink", "activation, without first token"),
            Column("mean_all", "activation, with it"),
            Column("median", "median", "number"),
        ),
        rows=[
            {"model": row.model, "selector": row.selector, "layer": row.layer}
            | {name: row.estimate(name) for name in _WITH_ERROR}
            | {"share": row.share, "median": row.median}
            for row in rows
        ],
        caption="95 % intervals over items; that of a vector is along its own direction. Vector ÷ "
        "activation is over the norm without the first token, the unit of doses.",
        first=24,
    )


_WITH_ERROR = ("difference", "at_selector", "mean_without_sink", "mean_all")


def _plots(rows: Sequence[_Norms], models: Sequence[str]) -> list[Plot]:
    plots = []
    for place, model in enumerate(models, start=1):
        own = [row for row in rows if row.model == model]
        selectors = list(dict.fromkeys(row.selector for row in own))
        once = [row for row in own if row.selector == selectors[0]]
        activations = [
            DoseLine("all tokens", [(row.layer, row.estimate("mean_all")) for row in once]),
            DoseLine("without the first", [(row.layer, row.estimate("mean_without_sink"))
                                       for row in once]),
        ]  # fmt: skip
        at = [_line(own, one, "at_selector") for one in selectors]
        vectors = [_line(own, one, "difference") for one in selectors]
        shares = [
            DoseLine(f"at {one}", [(row.layer, Estimate(estimate=row.share, n=row.items))
                               for row in own if row.selector == one])
            for one in selectors
        ]  # fmt: skip
        title = "activations"
        plots.append(
            dose_response(
                [
                    Responses(title, [*activations, *at], "norm"),
                    Responses("vector, raw", vectors, "norm"),
                    Responses("vector ÷ activation", shares, "share of the norm"),
                ],
                name=f"norms_{place}",
                title=f"Norms by layer, {model}",
                caption="Mean norms with 95 % intervals over items; activations on a logarithmic "
                f"scale. n = {max(row.items for row in own)} items, each under two system prompts.",
                x="layer",
                log_y=(title,),
                share_y=False,
            )
        )
    return plots


def _line(rows: Sequence[_Norms], selector: str, name: str) -> DoseLine:
    points = [(float(row.layer), row.estimate(name)) for row in rows if row.selector == selector]
    return DoseLine(f"at {selector}", points)


def _quantities(rows: Sequence[_Norms], given: _SteeringNorms) -> Iterator[Quantity]:
    last = max(row.layer for row in rows)
    for row in rows:
        if row.layer == last:  # the planted model's last layer does more than its truth says
            continue
        for name in _WITH_ERROR:
            yield Quantity(
                f"{name.replace('_', ' ')}, {row.selector}, layer {row.layer}",
                row.estimate(name),
                partial(_planted, selector=row.selector, name=name, given=given),
            )


def _planted(planted: Planted, *, selector: str, name: str, given: _SteeringNorms) -> float:
    """A norm of the planted model over its conversations, with what it says at temperature 0."""
    tokens: list[FloatArray] = []
    sides: list[list[FloatArray]] = []
    for prompt in (given.positive, given.negative):
        side = []
        for messages in _conversations(given, prompt):
            said = said_greedily(context_of(messages), sentences=given.extract_tokens)
            streams = streams_of(messages, said)
            tokens.append(np.linalg.norm(streams if name == "mean_all" else streams[1:], axis=1))
            side.append(_selected(streams[-len(said) :], selector))
        sides.append(side)
    if name == "difference":
        return float(np.linalg.norm(np.mean(sides[0], axis=0) - np.mean(sides[1], axis=0)))
    if name == "at_selector":
        return float(np.linalg.norm(np.concatenate(sides), axis=1).mean())
    return float(np.concatenate(tokens).mean())


def _selected(streams: FloatArray, selector: str) -> FloatArray:
    chosen = {"first": streams[0], "last": streams[-1]}
    found: FloatArray = chosen[selector] if selector in chosen else streams.mean(axis=0)
    return found


def _conversations(given: _SteeringNorms, prompt: str) -> Iterator[tuple[Message, ...]]:
    system = condition(prompt, base=SHELL_DIRECTORY).text
    before = (Message("system", system),) if system else ()
    for item in load_items(given.extract_items, base=SHELL_DIRECTORY).items:
        yield (*before, Message("user", item.text))


STUDY = Study(
    name="steering-norms",
    question="How long are concept vectors beside the activations that they are added to?",
    parameters=_SteeringNorms,
    design=_design,
    analyse=_analyse,
    small={},
    rehearsal={
        "model": (PLANTED,),
        "items": "marked",
        "extract_items": "marked",
        "extract_tokens": 2,
    },
    needs=("steering",),
    opened=_opened,
    raters=False,
    records=False,
    cells=False,
)
