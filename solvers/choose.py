"""Ask for choices: one question a presentation (pair and order) and repeat."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from inspect_ai.solver import Generate, Solver, TaskState, solver

from harness.items.item import Item
from harness.measuring.completer import Completer
from harness.measuring.contamination import clean
from harness.measuring.measure import Measure, Planned
from harness.records.judgement import Judgement
from harness.records.kept import Completion
from solvers.complete import items_of
from solvers.questions import measured

__all__ = ["choose"]


@solver
def choose(measure: Measure, completer: Completer | None, items: Mapping[str, Item]) -> Solver:
    """Ask which of two items is preferred, for each of the sample's presentations and repeats.

    The sample's metadata `presentations` holds `[first, second, occurrence]`; the occurrence
    counts from 0 where one presentation stands several times in the data set, so that no two
    questions share an answer; `drawn` and `zero`, where they are there,
    go into the records; `variants`, where it is there, the levels of wording and
    context of each. `completer` is None for a pre-task choice.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        completions: dict[str, Completion] = {}
        judged: list[Judgement] = []
        shown = state.metadata["presentations"]
        levels = state.metadata.get("variants") or [(0, 0)] * len(shown)
        starts = list(zip(shown, levels, strict=True))
        if completer is not None:
            made = await completer.get([items[item_id] for item_id in items_of(state)])
            completions, judged = await clean(measure.options, completer, made)
            starts = [one for one in starts if completions.keys() >= set(one[0][:2])]
        drawn: dict[str, Any] = {
            key: state.metadata[key] for key in ("drawn", "zero") if key in state.metadata
        }
        plan = []
        for (first_id, second_id, occurrence), (wording, context) in starts:
            first, second = items[first_id], items[second_id]
            plan.append(
                Planned(
                    key=f"{first_id}\x1f{second_id}\x1f{occurrence}",
                    facts={
                        "item_first": first_id,
                        "item_second": second_id,
                        "origin_first": first.origin,
                        "origin_second": second.origin,
                        "item_hash_first": first.hash,
                        "item_hash_second": second.hash,
                        **drawn,
                    },
                    completions=tuple(
                        completions[item] for item in (first_id, second_id) if item in completions
                    ),
                    messages=partial(measure.choice_question, first, second, completions),
                    spans=partial(measure.choice_spans, first, second),
                    start=(wording, context),
                )
            )
        return await measured(state, measure, plan, judged)

    return solve
