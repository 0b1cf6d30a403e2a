"""What a study has cost so far, from the answers that its folder keeps."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from harness.measuring.money import Price, read_price, true_cost
from harness.studies.models import price_for, read_model
from harness.studies.study import StudyDesign
from harness.wire import Reply

__all__ = ["StudySpent", "spent", "spent_on"]

_JUDGEMENTS = "judgements"
_COPIES = "completions-"


class StudySpent(msgspec.Struct, frozen=True, kw_only=True):
    """Answers that were paid for, over all starts of a run, judges' included; `dollars` None where
    a price is not known."""

    questions: int
    completions: int
    judgements: int
    tokens_in: int
    tokens_out: int
    dollars: float | None


class _Line(msgspec.Struct):
    """A line of a journal of answers."""

    key: str
    entry: Reply


def spent_on(design: StudyDesign, price: str | None, logs: Path) -> StudySpent:
    """What a design has cost so far: `spent` for its models, and its judge at the judge's price."""
    models = dict.fromkeys(name for cell in design.cells for name in (cell.rater, cell.completer))
    judges = {cell.judge: cell.options.get("judge_price") for cell in design.cells if cell.judge}
    judge, judge_price = next(iter(judges.items()), (None, None))
    return spent(logs, list(models), price, judge=judge, judge_price=judge_price)


def spent(
    logs: Path,
    models: Sequence[str],
    price: str | None,
    *,
    judge: str | None = None,
    judge_price: str | None = None,
) -> StudySpent:
    """Count the answers of all journals under `logs`. `models` are those of the study, as given;
    `price` stands over their own, and over the judge's where there is no `judge_price`."""
    counts = dict.fromkeys(("questions", "completions", "judgements"), 0)
    tokens_in = tokens_out = 0
    dollars: float | None = 0.0
    prices = _Prices(models, price)
    judging = _Prices([] if judge is None else [judge], judge_price or price)
    for line, judged in _lines(logs):
        asked = line.key.partition(" ")[2].partition(" ")[2]
        if not judged and asked.startswith("judge "):
            continue  # a run's note of what it paid for; the answer itself is in the judge's file
        made = asked.startswith("completion:")
        counts["judgements" if judged else "completions" if made else "questions"] += 1
        tokens_in += line.entry.input_tokens
        tokens_out += line.entry.output_tokens
        known = (judging if judged else prices).of(line.entry)
        unknown = known is None and line.entry.cost is None and line.entry.error is None
        dollars = None if dollars is None or unknown else dollars + true_cost(line.entry, known)
    return StudySpent(
        **counts,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        dollars=dollars,
    )


def _lines(logs: Path) -> Iterator[tuple[_Line, bool]]:
    """Every answer of every journal, and whether a judge gave it; a line that was cut off is no
    answer."""
    for path in sorted(logs.rglob("journal/*.jsonl")):
        if path.name.startswith(_COPIES):
            continue
        with path.open("rb") as file:
            for line in _decoded(file):
                yield line, path.name.startswith(_JUDGEMENTS)


def _decoded(lines: Iterable[bytes]) -> Iterator[_Line]:
    decoder = msgspec.json.Decoder(_Line)
    for line in lines:
        try:
            yield decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue


class _Prices:
    """The price of a reply, by the model that it says gave it."""

    def __init__(self, models: Sequence[str], given: str | None) -> None:
        self._given = None if given is None else read_price(given)
        self._models = {read_model(model).name: model for model in models}
        self._known: dict[str | None, Price | None] = {}

    def of(self, reply: Reply) -> Price | None:
        if self._given is not None:
            return self._given
        if reply.model not in self._known:
            self._known[reply.model] = self._find(reply.model)
        return self._known[reply.model]

    def _find(self, said: str | None) -> Price | None:
        """Providers leave their own name out, so a model is known by the end of its name."""
        named = [
            model
            for name, model in self._models.items()
            if said and (name == said or name.endswith(f"/{said}"))
        ]
        chosen = named or (list(self._models.values()) if len(self._models) == 1 else [])
        if not chosen:
            return None
        return price_for(chosen[0], None)
