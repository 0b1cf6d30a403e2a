"""Ask for ratings: one question an item and repeat."""

from collections.abc import Mapping
from functools import partial

from inspect_ai.solver import Generate, Solver, TaskState, solver

from harness.items.item import Item
from harness.measuring.completer import Completer
from harness.measuring.contamination import clean
from harness.measuring.measure import Measure, Planned
from harness.records.judgement import Judgement
from harness.records.kept import Completion
from solvers.questions import measured

__all__ = ["rate"]


@solver
def rate(measure: Measure, completer: Completer | None, items: Mapping[str, Item]) -> Solver:
    """Ask how much each item of the sample's metadata `items` was liked, once a repeat.

    `completer` is None for a pre-task rating. The sample's output holds the replies; the scorer
    `rating` reads them.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        wanted = [items[item_id] for item_id in state.metadata["items"]]
        completions: dict[str, Completion] = {}
        judged: list[Judgement] = []
        if completer is not None:
            made = await completer.get(wanted)
            completions, judged = await clean(measure.options, completer, made)
            wanted = [item for item in wanted if item.id in completions]
        levels = state.metadata.get("variants") or []
        starts = {
            name: (wording, context)
            for name, (wording, context) in zip(state.metadata["items"], levels, strict=False)
        }
        plan = []
        for item in wanted:
            completion = completions.get(item.id)
            facts = {"item": item.id, "origin": item.origin, "item_hash": item.hash}
            plan.append(
                Planned(
                    key=item.id,
                    facts=facts,
                    completions=() if completion is None else (completion,),
                    messages=partial(measure.rating_question, item, completion),
                    spans=partial(measure.rating_spans, item),
                    start=starts.get(item.id, (0, 0)),
                )
            )
        return await measured(state, measure, plan, judged)

    return solve
