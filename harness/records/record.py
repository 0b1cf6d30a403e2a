"""The one table that all analysis reads: one row a measurement."""

from typing import Any, Literal

import msgspec
import polars as pl

from harness.text.answer import Outcome

__all__ = ["DRAWN_IN_ID", "SCHEMA", "Record", "frame"]


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One measurement, answered or not.

    Rating records fill `item`, `origin`, `value`, `normalised`; choice records `item_first`,
    `item_second`, `origin_first`, `origin_second`, `choice`, `p_first`. `item_hash` (of a choice
    `…_first` and `…_second`) is of the item's text, so that two texts under one id are seen.
    `answer` is the label
    given, `choice` says whether it was the item shown first or second, or
    the third answer of a template that offers one. `value` is on the
    template's own scale, `normalised` in [0, 1]. `repeat` counts from 0 over epochs and seeds;
    `seed` is the generation seed, None when none was set. `prompt_hash` is of the whole rendered
    conversation. `probabilities` (label → probability) and `label_mass` come with the
    log-probability read-out, and `value` / `p_first` are then expectations under the
    renormalised probabilities. `latency` is in seconds. `asked` is false where a limit kept the
    question from being asked. `read_by` names the judge that read the answer where rules left it
    open. `reply_hash` is of prompt and reply where an item is done after the choice, `executed` the
    one that was (`first`, `second`, `both`, `neither`, `refusal`). What a `…_by` says is `rule` or
    `judge NAME`. `pushed` is the item that a contrastive steering pushed up. `controls` is JSON:
    the same estimate under random directions (`beside`). `drawn` says how a
    campaign came to ask a pair: `initial` and `reserve` pairs are drawn at random, `selected` ones
    by what earlier answers said. `zero` is `optout` where one of the two is the opt-out and no
    item. `completion_prefix` is false where a completion was made under a system prompt without the
    request not to mention it. `wording` is the paraphrase of the template's question that was asked
    and `context` the neutral system prompt that stood before it, each `NAME@HASH`, where these were
    drawn. Null means "does not apply" or "unknown".
    """

    kind: Literal["rating", "choice"]
    template: str
    template_hash: str
    prompt_hash: str
    timing: str
    response: str
    readout: str
    labels: str
    rater: str
    outcome: Outcome
    item: str | None = None
    origin: str | None = None
    item_first: str | None = None
    item_second: str | None = None
    origin_first: str | None = None
    origin_second: str | None = None
    item_hash: str | None = None
    item_hash_first: str | None = None
    item_hash_second: str | None = None
    completer: str | None = None
    thinking: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    completion_sysprompt: str = "none"
    completion_prefix: bool | None = None
    measurement_sysprompt: str = "none"
    wording: str | None = None
    context: str | None = None
    repeat: int = 0
    seed: int | None = None
    seed_honoured: bool | None = None
    completion_seed: int | None = None
    completion_hash: str | None = None
    completion_refused: bool | None = None
    completion_refused_first: bool | None = None
    completion_refused_second: bool | None = None
    completion_refused_by: str | None = None
    sysprompt_referenced: bool | None = None
    sysprompt_referenced_by: str | None = None
    answer: str | None = None
    value: float | None = None
    normalised: float | None = None
    choice: Literal["first", "second", "neither", "indifferent"] | None = None
    read_by: str | None = None
    reply_hash: str | None = None
    executed: str | None = None
    executed_by: str | None = None
    p_first: float | None = None
    probabilities: dict[str, float] | None = None
    label_mass: float | None = None
    reason: str = ""
    vector: str | None = None
    coef: float | None = None
    layer: str | None = None
    positions: str | None = None
    operation: str | None = None
    pushed: str | None = None
    controls: str | None = None
    rater_identity: str | None = None
    completer_identity: str | None = None
    endpoint: str | None = None
    fingerprint: str | None = None
    latency: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    error: str | None = None
    asked: bool = True
    drawn: Literal["initial", "reserve", "selected"] | None = None
    zero: Literal["optout"] | None = None
    log: str | None = None
    sample_id: str | None = None
    version: int = 1


SCHEMA: dict[str, Any] = {
    **dict.fromkeys(Record.__struct_fields__, pl.String),
    **dict.fromkeys(
        ("temperature", "value", "normalised", "p_first", "label_mass", "coef", "latency"),
        pl.Float64,
    ),
    **dict.fromkeys(
        (
            "max_tokens",
            "repeat",
            "seed",
            "completion_seed",
            "input_tokens",
            "output_tokens",
            "version",
        ),
        pl.Int64,
    ),
    **dict.fromkeys(
        (
            "seed_honoured",
            "completion_prefix",
            "completion_refused",
            "completion_refused_first",
            "completion_refused_second",
            "sysprompt_referenced",
            "asked",
        ),
        pl.Boolean,
    ),
}
"""Column types of the record table; `probabilities` is JSON text, so that CSV and Parquet agree."""


DRAWN_IN_ID = r"^(initial|reserve|selected)-[0-9]{3} "
"""How the sample ids of campaigns began before records had the column `drawn`."""


def frame(records: list[Record]) -> pl.DataFrame:
    """Records as the table, one row each, columns as in `SCHEMA`, in the order given."""
    rows = [msgspec.structs.asdict(record) for record in records]
    for row in rows:
        if row["probabilities"] is not None:
            row["probabilities"] = msgspec.json.encode(row["probabilities"]).decode()
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")
