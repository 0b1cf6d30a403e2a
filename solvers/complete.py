"""The model (or the role `completer`) completes the items of a sample."""

from collections.abc import Callable, Mapping, Sequence

import msgspec
from inspect_ai.model import ChatMessageAssistant, ModelOutput
from inspect_ai.solver import Generate, Solver, TaskState, solver

from harness.items.item import Item
from harness.measuring.completer import Completer
from harness.records.kept import Completion

__all__ = ["complete", "items_of", "rendering"]


@solver
def complete(
    completer: Completer,
    items: Mapping[str, Item],
    *,
    keep: bool = False,
    before: Callable[[], None] | None = None,
) -> Solver:
    """See that every item of the sample has its completion.

    Which items: the sample's metadata `items` (ids), or both of each of its `presentations`.
    Completions are shared by all samples, repeats and templates of the run. `keep` leaves them in
    the sample's output, for a run that is about completions alone. `before` is called first: it
    raises where what follows could not be asked, so that no completion is paid for in vain.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if before is not None:
            before()
        wanted = [items[item_id] for item_id in items_of(state)]
        made = await completer.get(wanted)
        if keep:
            shown = [made[item.id] for item in wanted]
            state.output = ModelOutput.from_content(
                model=str(completer.model()), content=rendering(wanted, shown)
            )
            state.output.metadata = {"completions": [msgspec.to_builtins(one) for one in shown]}
            state.messages.append(ChatMessageAssistant(content=state.output.completion))
        return state

    return solve


def rendering(items: Sequence[Item], made: Sequence[Completion]) -> str:
    """All completions of a sample for a person to read in the log, numbered."""
    texts = [one.text if one.error is None else f"(failed: {one.error})" for one in made]
    if len(texts) == 1:
        return texts[0]
    return "\n\n---\n\n".join(
        f"### Completion {number} of {len(texts)}: {item.id}\n\n{text}"
        for number, (item, text) in enumerate(zip(items, texts, strict=True), start=1)
    )


def items_of(state: TaskState) -> list[str]:
    """Ids of the items that a sample is about, each once, in order."""
    if "items" in state.metadata:
        return list(state.metadata["items"])
    shown = state.metadata["presentations"]
    return list(dict.fromkeys(item for first, second, _ in shown for item in (first, second)))
