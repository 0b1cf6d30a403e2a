"""The rows that are being generated: one token each a step; rows come and go between steps."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from steering_server.engine.cache import RowCache, merge
from steering_server.engine.prefill import forward, prefill
from steering_server.model.changes import Chain, Patch
from steering_server.model.hooks import Step
from steering_server.model.models import Loaded
from steering_server.model.patches import next_change, note_survival, patches
from steering_server.model.planning import Batch
from steering_server.model.work import Row

__all__ = ["Generation"]


@dataclass
class _Plan:
    """Patches that hold until step `until` (None: until the rows change)."""

    patches: dict[int, list[Patch | Chain]]
    until: int | None


class Generation:
    """Rows under way and their cache. Nothing here samples or decides when a row ends."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self.rows: list[Row] = []
        self._cache: RowCache | None = None
        self._pads: list[int] = []
        self._plan: _Plan | None = None
        self._steps = 0

    @property
    def length(self) -> int:
        """Columns of the cache, padding included."""
        return 0 if self._cache is None else self._cache.length

    def admit(self, batch: Batch) -> tuple[list[Row], torch.Tensor]:
        """Run new rows' tokens and join them; returns the rows and their logits [rows, V]."""
        done = prefill(self._loaded, batch, keep_cache=True)
        assert done.cache is not None
        rows, lanes = [], []
        for index, lane in enumerate(batch.lanes):
            rows += lane.rows
            lanes += [index] * len(lane.rows)
        if lanes != list(range(len(batch.lanes))):
            done.cache.select(torch.tensor(lanes, device=self._loaded.device))
        pads = [done.pads[lane] for lane in lanes]
        if self._cache is None:
            self._cache, self._pads = done.cache, pads
        else:
            old, new = self._cache.length, done.cache.length
            self._cache = merge(self._cache, done.cache)
            longest = max(old, new)
            self._pads = [pad + longest - old for pad in self._pads]
            self._pads += [pad + longest - new for pad in pads]
        self.rows += rows
        self._plan = None
        return rows, done.logits[torch.tensor(lanes, device=done.logits.device)]

    def drop(self, gone: Sequence[Row]) -> None:
        """Take rows out; columns that only they needed go too."""
        out = {id(row) for row in gone}
        kept = [index for index, row in enumerate(self.rows) if id(row) not in out]
        if len(kept) == len(self.rows):
            return
        self._plan = None
        self.rows = [self.rows[index] for index in kept]
        if not kept:
            self._cache, self._pads = None, []
            return
        assert self._cache is not None
        start = min(self._pads[index] for index in kept)
        self._pads = [self._pads[index] - start for index in kept]
        self._cache.select(torch.tensor(kept, device=self._loaded.device), start=start)

    def _patches(self) -> dict[int, list[Patch | Chain]]:
        """This step's patches: rebuilt when rows changed or a span begins or ends."""
        plan = self._plan
        if plan is not None and (plan.until is None or self._steps < plan.until):
            return plan.patches
        at = [self.length - pad for pad in self._pads]
        changes = [
            change - position
            for row, position in zip(self.rows, at, strict=True)
            if (change := next_change(row.additions, position)) is not None
        ]
        found = patches(
            [row.additions for row in self.rows],
            [-position for position in at],
            1,
            devices=self._loaded.devices,
        )
        self._plan = _Plan(found, self._steps + min(changes) if changes else None)
        return found

    def step(self) -> torch.Tensor:
        """Feed each row its last token; returns logits [rows, vocabulary].

        If the pass fails, the cache is as before it and the step can be tried with fewer rows.
        """
        assert self._cache is not None
        length = self.length
        device = self._loaded.device
        pads = torch.tensor(self._pads, device=device)[:, None]
        column = torch.arange(length + 1, device=device)
        recorders = [row.recorder for row in self.rows]
        keep = frozenset(layer for one in recorders if one for layer in one.layers)
        known = self._plan
        found = self._patches()
        # What survives is measured when something new is added, not at every token.
        step = Step(patches=found, keep=keep, measured=self._plan is not known)
        try:
            logits = forward(
                self._loaded,
                torch.tensor([[row.generated[-1]] for row in self.rows], device=device),
                step,
                mask=(column >= pads).long() if any(self._pads) else None,
                positions=length - pads,
                cache=self._cache,
            )[:, -1]
        except BaseException:
            self._cache.forget_after(length)
            raise
        self._steps += 1
        note_survival(step, [[row] for row in self.rows])
        for index, recorder in enumerate(recorders):
            if recorder is not None:
                for layer in recorder.layers:
                    position = length - self._pads[index]
                    recorder.take(layer, step.kept[layer][index], position)
        return logits
