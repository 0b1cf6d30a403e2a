"""Texts of completions by their hash, from the logs that made them or asked about them."""

from collections.abc import Iterable
from pathlib import Path

import msgspec
from inspect_ai.log import read_eval_log

from harness.records.conversations import completion_texts, prompts_in
from harness.records.kept import Completion

__all__ = ["texts_of"]


def texts_of(logs: Iterable[Path], wanted: set[str]) -> dict[str, str]:
    """The texts of `wanted` hashes that stand in `logs` (files of Inspect), as far as they do."""
    found: dict[str, str] = {}
    for log in logs:
        if wanted <= found.keys():
            break
        for sample in read_eval_log(str(log), resolve_attachments=True).samples or []:
            made = (sample.output.metadata or {}).get("completions", ())
            kept = msgspec.convert(made, list[Completion])
            found |= {one.hash: one.text for one in kept if one.error is None}
            if not wanted <= found.keys():
                found |= completion_texts(prompts_in(sample.messages).values())
    return {key: text for key, text in found.items() if key in wanted}
