"""What a run asks, as a few hashes: what a resumed run must have in common with its beginning.

Inspect compares the options of a task by their text. An item file, a template or a condition that
changed under its name between a kill and a resumption would go unseen, and one run would hold
answers about two texts.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from harness.items.item import Item
from harness.measuring.completer import Completer
from harness.measuring.measure import Measure

__all__ = ["ingredients_of"]


def ingredients_of(
    items: Iterable[Item],
    measure: Measure | None,
    completer: Completer | None,
    samples: Sequence[Mapping[str, Any]],
) -> dict[str, str]:
    """16 hex digits each for the items, the pairs, the template, the conditions, and completions
    that an earlier run made; what the run does not have is left out.

    `samples` are the metadata of its samples, of a campaign the first ones.
    """
    found = {"items": _digest(sorted((item.id, item.hash, item.origin) for item in items))}
    shown = [one["presentations"] for one in samples if "presentations" in one]
    if shown:
        found["pairs"] = _digest(sorted(pair for block in shown for pair in block))
    if measure is not None:
        found[f"wording of template {measure.template.name}"] = measure.template_hash
        if measure.variants.drawn:
            found["wordings and contexts"] = _digest(measure.variants.keys)
            found["where they are asked"] = _digest([one.get("variants") for one in samples])
        found[f"measurement_sysprompt {measure.condition.name}"] = _digest(measure.condition.text)
    if completer is not None:
        found[f"completion_sysprompt {completer.condition.name}"] = _digest(completer.system)
        if completer.given is not None:
            hashes = sorted((name, one.hash) for name, one in completer.given.items())
            found["completions"] = _digest(hashes)
    return found


def _digest(value: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(value)).hexdigest()[:16]
