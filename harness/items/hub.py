"""Items from the Hugging Face hub, through Inspect's own loader and its cache."""

import importlib.util
from typing import Any

from harness.errors import UsageError
from harness.items.item import Item
from harness.items.rows import Row
from harness.items.sources import SOURCES

__all__ = ["from_hub"]


def from_hub(name: str) -> list[Item]:
    """All items of source `name`. Without network or `datasets`: a `UsageError` of one line."""
    source = SOURCES[name]
    if source.hub is None:
        raise UsageError(f"items {name!r} has no hub data set; give {source.obtain} as {name}:FILE")
    if importlib.util.find_spec("datasets") is None:
        raise UsageError(
            f"items {name!r} come from the hub, which needs the package `datasets` "
            f"(pip install datasets); without it, give {source.obtain} as {name}:FILE"
        )
    # Imported here: everything else in this package works without Inspect.
    from inspect_ai.dataset import Sample, hf_dataset

    hub = source.hub
    more: dict[str, Any] = {"data_files": hub.data_files} if hub.data_files else {}
    try:
        samples = hf_dataset(
            hub.path,
            split=hub.split,
            limit=hub.limit,
            sample_fields=lambda record: Sample(input="", metadata=record),
            retry=False,
            **more,
        )
    except Exception as error:  # whatever the hub client raises: offline, gated, moved
        reason = (str(error).strip() or type(error).__name__).split("\n")[0]
        raise UsageError(
            f"items {name!r} could not be read from the hub ({hub.path}): {reason}; "
            f"offline, give {source.obtain} as {name}:FILE"
        ) from error
    return [
        source.item(Row(index, f"{hub.path}, record {index}", record.metadata or {}))
        for index, record in enumerate(samples)
    ]
