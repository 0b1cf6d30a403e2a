"""An adaptive campaign as a pure function: from the answers so far to the next batch.

A batch is chosen from the seed, the batch's number and the records of whole earlier batches,
sorted; nothing else. So an interrupted campaign that gets the same answers again goes on with the
same questions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from harness.adaptive.against import Against
from harness.adaptive.options import CampaignOptions
from harness.adaptive.selection import State
from harness.adaptive.selection_peers import RULES, random_pairs
from harness.adaptive.standing import AnyFit, draws_of, effect_of, fitted_to, tied, to_learn
from harness.pairs.balance import Balance, Levels
from harness.pairs.graphs import present, regular_pairs
from harness.pairs.presentations import Shown
from harness.records.record import Record
from harness.stats.thurstone.comparisons import IntArray
from harness.stats.thurstone.fit import Fit
from harness.stats.thurstone.ranking import Progress, expected_rho, spearman, within_groups

__all__ = ["Batch", "Campaign", "Role", "Step"]

Role = Literal["initial", "selected", "reserve", "optout"]

DRAWS = 128


@dataclass(frozen=True)
class Batch:
    """Pairs to ask, each in one or two presentations, by why they are asked; `levels` are the
    wording and context of each presentation, where these are drawn."""

    number: int
    pairs: Mapping[Role, Sequence[Sequence[Shown]]]
    levels: Mapping[Role, Sequence[Sequence[Levels]]] | None = None

    @property
    def presentations(self) -> list[Shown]:
        """All presentations, in order."""
        return [shown for pairs in self.pairs.values() for pair in pairs for shown in pair]


@dataclass(frozen=True, eq=False)
class Step:
    """After a whole batch: where the campaign stands, and the next batch or why it ended."""

    progress: Progress | None
    batch: Batch | None
    ended: str = ""
    fit: AnyFit | None = None


@dataclass(eq=False)
class Campaign:
    """One campaign over `items` (ids, sorted or not) with an origin each.

    `step` is called once after each whole batch, in order, with that batch's records. `sizes` are
    the numbers of wordings and contexts that the run has drawn: with more than one of either the
    fit is the joint one, and the stop is the rank correlation with the utility over all of them.
    """

    options: CampaignOptions
    items: Sequence[str]
    origins: Sequence[str]
    batches: list[Batch] = field(default_factory=list)
    trace: list[Progress] = field(default_factory=list)
    fitted: AnyFit | None = None
    sizes: tuple[int, int] = (1, 1)
    _records: list[Sequence[Record]] = field(default_factory=list)
    _balance: Balance | None = None
    _against: Against | None = None
    _shown: list[tuple[int, int]] = field(default_factory=list)

    def first(self) -> Batch:
        """The initial random regular graph."""
        rng = self._rng(0)
        graph = regular_pairs(len(self.items), self.options.start_degree, rng)
        # A budget below the graph's size still gets a random part of it.
        room = self._room() // self._cost()
        pairs = [graph[k] for k in sorted(rng.permutation(len(graph))[: max(1, room)])]
        shown = present(pairs, self.options.orders, rng)
        return self._take(Batch(0, {"initial": self._named(shown)}))

    def step(self, records: Sequence[Record]) -> Step:
        """Take the last batch's records; fit, and choose the next batch or end."""
        self._records.append(sorted(records, key=_order))
        if not any(record.outcome == "answered" for record in records):
            return Step(None, None, "no question of the last batch was answered", self.fitted)
        before, self.fitted = self.fitted, self._fit()
        rng = self._rng(len(self.batches))
        progress = self._progress(before, rng)
        self.trace.append(progress)
        ended = self._ended(progress, records)
        if ended:
            return Step(progress, None, ended, self.fitted)
        batch = self._choose(rng)
        if not batch.presentations:
            return Step(progress, None, "every pair has been asked", self.fitted)
        return Step(progress, self._take(batch), "", self.fitted)

    def _rng(self, number: int) -> np.random.Generator:
        return np.random.default_rng((self.options.sample_seed, number))

    def _fit(self) -> AnyFit:
        facets = [
            name for name, size in zip(("wording", "context"), self.sizes, strict=True) if size > 1
        ]
        return fitted_to(self._records, self.items, facets, self.fitted)

    def _progress(self, before: AnyFit | None, rng: np.random.Generator) -> Progress:
        assert self.fitted is not None
        fitted = self.fitted
        draws = draws_of(fitted, DRAWS, rng)
        # Where parts hang together loosely the correlation would be the prior's guess.
        hold = tied(fitted)
        return Progress(
            iteration=len(self.trace),
            comparisons=fitted.data.total,
            expected_rho=expected_rho(fitted.utilities, draws) if hold else None,
            within_rho=within_groups(fitted.utilities, draws, self.origins) if hold else None,
            successive_rho=None if before is None else spearman(before.utilities, fitted.utilities),
            position_effect=effect_of(fitted),
            tau=fitted.tau,
        )

    def _ended(self, progress: Progress, records: Sequence[Record]) -> str:
        rho, target = progress.expected_rho, self.options.target_rho
        if rho is not None and rho >= target:
            return f"expected rho {rho:.3f} reached {target:g}"
        if any(not record.asked for record in records):
            return "the budget is spent"
        if self._room() < self._cost():
            return f"{self._asked():,} questions asked (max_comparisons)"
        return ""

    def _cost(self) -> int:
        """Questions a pair takes."""
        return self.options.seeds * (2 if self.options.orders == "both" else 1)

    def _room(self) -> int:
        """Questions left within max_comparisons, those against the opt-out counted."""
        return self.options.most(len(self.items)) - self._asked()

    def _asked(self) -> int:
        """Questions so far."""
        against = 0 if self._against is None else 2 * self._against.pairs
        return (len(self._shown) + against) * self.options.seeds

    def _optout(self) -> list[list[Shown]]:
        """Pairs with the opt-out that bring their share of all questions to what was asked for."""
        self._against = self._against or Against(self.items, self.options.sample_seed)
        wanted = max(1, round(self.options.optout * len(self._shown) / 2))
        known, effect = None, 0.0
        if self.fitted is not None:
            known, effect = self.fitted.utilities, effect_of(self.fitted)
        records = [record for batch in self._records for record in batch]
        return self._against.next(wanted - self._against.pairs, known, effect, records)

    def _choose(self, rng: np.random.Generator) -> Batch:
        room = min(self.options.batch, self._room()) / (1 + self.options.optout)
        pairs = max(1, int(room) // self._cost())
        held = round(self.options.reserve * pairs)
        state = self._state(rng)
        reserve = random_pairs(state, held, rng)
        # A pair of the reserve must not be chosen a second time by the rule.
        state = _asked_too(state, reserve)
        selected = RULES[self.options.rule](state, pairs - len(reserve), rng)
        return Batch(
            len(self.batches),
            {
                "selected": self._named(self._orders(selected)),
                "reserve": self._named(self._orders(reserve)),
            },
        )

    def _state(self, rng: np.random.Generator) -> State:
        assert self.fitted is not None
        utilities, variances = to_learn(self.fitted, rng)
        first, second = np.array(self._shown, dtype=np.int64).reshape(-1, 2).T
        return State(
            # Rounded, so that the last digits of a linear algebra library choose no pairs.
            utilities=np.round(utilities, 6),
            variances=np.round(variances, 6),
            first=first,
            second=second,
            effect=round(effect_of(self.fitted), 6),
            dispersion=round(self.fitted.dispersion, 6) if isinstance(self.fitted, Fit) else 1.0,
        )

    def _orders(self, pairs: IntArray) -> list[list[tuple[int, int]]]:
        if self.options.orders == "both":
            return [[(a, b), (b, a)] for a, b in pairs.tolist()]
        return [[(a, b)] for a, b in pairs.tolist()]

    def _named(self, pairs: Sequence[Sequence[tuple[int, int]]]) -> list[list[Shown]]:
        """Presentations by item id, with their occurrence; counted as shown from here on."""
        seen: dict[tuple[int, int], int] = {}
        for one in self._shown:
            seen[one] = seen.get(one, 0) + 1
        named = []
        for pair in pairs:
            shown: list[Shown] = []
            for one in pair:
                shown.append((self.items[one[0]], self.items[one[1]], seen.get(one, 0)))
                seen[one] = seen.get(one, 0) + 1
                self._shown.append(one)
            named.append(shown)
        return named

    def _take(self, batch: Batch) -> Batch:
        if self.options.optout:
            batch = replace(batch, pairs={**batch.pairs, "optout": self._optout()})
        if self.sizes != (1, 1):
            self._balance = self._balance or Balance(self.sizes)
            rng = np.random.default_rng((self.options.sample_seed, batch.number, 16))
            levels = {role: self._balance.assign(p, rng) for role, p in batch.pairs.items()}
            batch = replace(batch, levels=levels)
        self.batches.append(batch)
        return batch


def _order(record: Record) -> tuple[str, str, str, int]:
    return (
        record.sample_id or "",
        record.item_first or "",
        record.item_second or "",
        record.repeat,
    )


def _asked_too(state: State, pairs: IntArray) -> State:
    return State(
        state.utilities,
        state.variances,
        np.concatenate([state.first, pairs[:, 0]]),
        np.concatenate([state.second, pairs[:, 1]]),
        state.effect,
        state.dispersion,
        state.link,
    )
