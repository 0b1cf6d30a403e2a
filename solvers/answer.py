"""Open questions answered, in several repeats."""

from collections.abc import Mapping

import msgspec
from inspect_ai.model import ChatMessageAssistant, ModelOutput
from inspect_ai.solver import Generate, Solver, TaskState, solver

from harness.items.item import Item
from harness.measuring.completer import Completer
from harness.measuring.options import OpenOptions
from solvers.complete import items_of, rendering

__all__ = ["answer"]


@solver
def answer(completer: Completer, options: OpenOptions, items: Mapping[str, Item]) -> Solver:
    """Let the completer answer the sample's questions `options.seeds` times, each with a seed.

    The sample's output holds the answers as completions, which the judging scorers read.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        wanted = [items[item_id] for item_id in items_of(state)]
        made = []
        for repeat in range((state.epoch - 1) * options.seeds, state.epoch * options.seeds):
            seed = options.completion_seed + repeat
            own = msgspec.structs.replace(options, completion_seed=seed)
            found = await Completer(own, completer.condition).get(wanted)
            made += [found[item.id] for item in wanted]
        state.output = ModelOutput.from_content(
            model=str(completer.model()), content=rendering(wanted * options.seeds, made)
        )
        state.output.metadata = {"completions": [msgspec.to_builtins(one) for one in made]}
        state.messages.append(ChatMessageAssistant(content=state.output.completion))
        return state

    return solve
