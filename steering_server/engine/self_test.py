"""Whether the engine answers for a model as the plain model does: asked by forward passes at load.

A model that keeps its state elsewhere than in the cache it is handed, that looks at padding, or
whose layers take arguments the engine does not know, would answer wrongly with status 200. So
before the first request the engine is put through what requests put it through (prompts alone and
padded, lanes that part late, shared prefixes, rows that join and leave, steering, capture) and each
answer is held against a forward pass of the whole sequence, alone, without a cache, with a hook of
this module's own.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch

from harness.errors import UsageError
from steering_server.engine.generate import Generation
from steering_server.engine.memory import is_out_of_memory
from steering_server.engine.prefill import left_padded, prefill
from steering_server.model.layers import default_layer
from steering_server.model.models import Loaded
from steering_server.model.planning import Batch, Lane
from steering_server.model.recorder import Recorder
from steering_server.model.reply_text import ReplyText
from steering_server.model.work import Addition, Row, Sampling

__all__ = ["self_test"]

_TEXT = (
    "The committee met on the first Tuesday of the month to discuss seven proposals, none of which "
    "had been read by more than two of its members. Prove that there are infinitely many primes."
)
_LENGTHS = (27, 9)
"""Tokens of the two prompts: one longer than the sliding windows of tiny models, one much shorter,
so that padding shows."""
_STEPS = 3
"""A state that is kept elsewhere shows in the second generated token; one step more is for rows
that have joined since."""
_CLOSE = 1e-4
"""Largest difference of a log-probability in fp32, in units of the logits' deviation or nats."""
_NOISE = 4.0
"""Other precisions: multiple of the plain model's own difference between alone and padded."""
_ROUNDING = 8.0
"""Other precisions: that difference is taken to be this many units in the last place at least.
Often it is none, while a pass over one token takes another kernel than one over many (measured on
SmolLM2: up to 4 units in float16, 5 with nf4 weights)."""
_CEILING = 0.25
"""Other precisions: share of the logits' deviation that a difference may reach, whatever the plain
model's own is. A model that reads its padding differs from itself by about the whole of it."""
_COARSE = 0.1
"""Other precisions: largest relative error of a layer's output. bfloat16 keeps eight bits, and
rounding adds up over layers."""


class _Differs(Exception):
    """What is not as it should be, in one line."""


@dataclass(frozen=True)
class _Case:
    """One sequence: tokens of prompt and continuation, what is added, and what the plain model
    says: logits [tokens, vocabulary] and outputs of each layer [layers, tokens, width]."""

    tokens: tuple[int, ...]
    prompt: int
    additions: tuple[Addition, ...]
    logits: torch.Tensor
    hidden: tuple[torch.Tensor, ...]

    def row(self, recorder: Recorder | None = None) -> Row:
        """A row that is asked for this sequence."""
        return Row(
            prompt=self.tokens[: self.prompt],
            sampling=Sampling(0.0, 1.0, 0),
            sink=_Silent(),
            text=ReplyText(None),
            max_tokens=_STEPS + 1,
            additions=self.additions,
            recorder=recorder,
        )


class _Silent:
    """Nobody is told."""

    def token(self, *news: Any) -> None: ...

    def done(self, *news: Any) -> None: ...

    def failed(self, *news: Any) -> None: ...


def self_test(loaded: Loaded) -> None:
    """Return if the engine answers for `loaded` as the plain model does.

    Where it does only without sharing work among rows, that is switched off for this model.
    UsageError, in one line that names what differed, where it does not, or where a pass fails.
    """
    loaded.hooks.sharing = True
    if _problem(loaded) is None:
        return
    loaded.hooks.sharing = False
    problem = _problem(loaded)
    if problem is not None:
        kind = type(loaded.model).__name__
        raise UsageError(f"{loaded.id} ({kind}) cannot be served exactly: {problem}")


def _problem(loaded: Loaded) -> str | None:
    """What is not as it should be, in one line; None where all is well."""
    try:
        with torch.inference_mode():
            _Test(loaded).run()
    except _Differs as differs:
        return str(differs)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        first = next(iter(str(error).strip().splitlines()), "")
        return f"its self-test failed with {type(error).__name__}: {first}"
    return None


class _Test:
    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._layer = default_layer(loaded.depth)
        self._limit = 0.0
        self._grain = _CLOSE if loaded.dtype == torch.float32 else _COARSE

    def run(self) -> None:
        """All comparisons. _Differs at the first that fails."""
        texts = self._texts()
        plain = [self._case(tokens, length) for tokens, length in texts]
        self._tolerate(plain)
        typical = float(plain[0].hidden[self._layer][1:].norm(dim=-1).mean())
        unit = self._direction()
        steered = [self._steered(one, typical * unit, self._layer, 2) for one in plain]
        for one, other in zip(plain, steered, strict=True):
            self._moved(one, other)
        last = [self._steered(one, typical * unit, 0, one.prompt - 1) for one in plain]
        self._prompts([plain[0], steered[0], plain[1], steered[1]], self._layer)
        self._tails([plain[0], last[0], plain[1], last[1]])
        self._beginnings(plain[0], last[0])
        self._replies(plain, steered)
        again = self._case(plain[1].tokens, plain[1].prompt)
        self._same("a plain pass after the others", again.logits[-1], plain[1].logits[-1])

    # The plain model

    def _texts(self) -> list[tuple[tuple[int, ...], int]]:
        """Two token sequences that share nothing, and the length of each one's prompt."""
        tokens = tuple(self._loaded.tokenizer(_TEXT, add_special_tokens=False).input_ids)
        found = []
        room = max(self._loaded.context - _STEPS - 1, 2)
        for length in _LENGTHS:
            length = min(length, room)
            while len(tokens) < length + _STEPS:
                tokens += tokens
            found.append((tokens[: length + _STEPS], length))
            tokens = tokens[length + _STEPS :] or tokens
        return found

    def _direction(self) -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        direction = torch.randn(self._loaded.width, generator=generator)
        unit: torch.Tensor = direction / direction.norm()
        return unit

    def _case(
        self, tokens: tuple[int, ...], prompt: int, additions: tuple[Addition, ...] = ()
    ) -> _Case:
        """What the plain model says of `tokens`: alone, at once, without a cache."""
        loaded = self._loaded
        ids = torch.tensor([tokens], device=loaded.device)
        with _watching(loaded, additions) as hidden:
            logits = loaded.model(input_ids=ids, use_cache=False).logits[0].float()
        if not bool(torch.isfinite(logits).all()):
            raise _Differs("a plain forward pass gives logits that are not finite")
        return _Case(tokens, prompt, additions, logits, tuple(one[0] for one in hidden))

    def _steered(self, plain: _Case, delta: torch.Tensor, layer: int, start: int) -> _Case:
        addition = Addition(layer, start, None, delta, ("self-test", layer, start))
        return self._case(plain.tokens, plain.prompt, (addition,))

    def _tolerate(self, plain: Sequence[_Case]) -> None:
        """Set the largest difference that counts as rounding."""
        if self._loaded.dtype == torch.float32:
            scale = max(float(one.logits[-1].std()) for one in plain)
            self._limit = _CLOSE * max(1.0, scale)
            return
        batch = left_padded(self._loaded, [one.tokens for one in plain])
        given = {"attention_mask": batch.mask, "position_ids": batch.positions}
        logits = self._loaded.model(input_ids=batch.tokens, use_cache=False, **given).logits.float()
        deviation = min(float(one.logits[-1].std()) for one in plain)
        spread = max(
            _distance(logits[row, at - len(one.tokens)], one.logits[at], exact=False)
            for row, one in enumerate(plain)
            for at in range(len(one.tokens))
        )
        grain = _ROUNDING * torch.finfo(self._loaded.dtype).eps * deviation
        self._limit = min(_NOISE * max(spread, grain), _CEILING * deviation)

    # Comparisons

    def _same(self, what: str, got: torch.Tensor, want: torch.Tensor) -> None:
        if got.shape != want.shape:
            raise _Differs(f"{what} has logits {tuple(got.shape)}, expected {tuple(want.shape)}")
        distance = _distance(got, want, exact=self._loaded.dtype == torch.float32)
        if not distance <= self._limit:
            raise _Differs(
                f"{what} differs from a plain forward pass by {distance:.2g} in log-probability "
                f"(allowed: {self._limit:.2g})"
            )

    def _moved(self, plain: _Case, steered: _Case) -> None:
        """Adding at a layer moves its output by what is added, and the last layer's."""
        at = self._layer
        addition = steered.additions[0]
        for layer in range(at):
            if not torch.equal(plain.hidden[layer], steered.hidden[layer]):
                raise _Differs(f"what is added at layer {at} changes layer {layer}")
        moved = (steered.hidden[at] - plain.hidden[at])[addition.start :].float().cpu()
        self._delta("adding at", moved, addition.delta)
        if torch.equal(steered.hidden[-1], plain.hidden[-1]):
            raise _Differs(f"what is added at layer {at} does not reach the last layer")

    def _delta(self, what: str, moved: torch.Tensor, delta: torch.Tensor) -> None:
        """`moved` [tokens, width] is `delta` at every token, up to rounding of what it is added
        to."""
        error = float((moved - delta).norm(dim=-1).median() / delta.norm())
        if not error <= self._grain:
            raise _Differs(
                f"{what} layer {self._layer} moves its output by something else than the vector "
                f"(relative error {error:.2g}, allowed: {self._grain:.2g})"
            )

    # The engine

    def _batch(self, cases: Sequence[_Case], layer: int, tail: int, rows: Sequence[Row]) -> Batch:
        prompts = list(dict.fromkeys(row.tokens for row in rows))
        lanes = [
            Lane(prompts.index(row.tokens), one.additions, [row])
            for one, row in zip(cases, rows, strict=True)
        ]
        parted = layer if len(prompts) < len(lanes) else None
        return Batch(parted, tail, prompts, lanes)

    def _prompts(self, cases: Sequence[_Case], layer: int) -> None:
        """Prompts alone, and padded beside each other with lanes that part, captured."""
        everything = tuple(range(self._loaded.depth))
        for one in cases[1], cases[2]:
            row = one.row()
            done = prefill(self._loaded, self._batch([one], layer, 0, [row]), keep_cache=False)
            self._same("a prompt alone", done.logits[0], one.logits[one.prompt - 1])
        rows = [one.row(Recorder(everything, "last", 0, None)) for one in cases]
        done = prefill(self._loaded, self._batch(cases, layer, 0, rows), keep_cache=False)
        for index, one in enumerate(cases):
            what = "a steered prompt in a batch" if one.additions else "a prompt in a batch"
            self._same(what, done.logits[index], one.logits[one.prompt - 1])
            self._captured("capture at", rows[index], one, one.prompt - 1)

    def _captured(self, what: str, row: Row, case: _Case, position: int) -> None:
        """What was kept of a row is what the plain pass has at `position`, in every layer."""
        assert row.recorder is not None
        for layer, got in row.recorder.result().items():
            want = case.hidden[layer][position].float().cpu()
            error = float((got - want).norm() / want.norm())
            if not error <= self._grain:
                raise _Differs(
                    f"{what} layer {layer} differs from a plain forward pass by {error:.2g} of "
                    f"its length (allowed: {self._grain:.2g})"
                )

    def _tails(self, cases: Sequence[_Case]) -> None:
        """Lanes that differ in the last token alone: side by side, and on a shared prefix."""
        for keep_cache in (False, True):
            rows = [one.row() for one in cases]
            batch = self._batch(cases, 0, 1, rows)
            done = prefill(self._loaded, batch, keep_cache=keep_cache)
            for index, one in enumerate(cases):
                what = "a prompt steered at its last token"
                self._same(what, done.logits[index], one.logits[one.prompt - 1])

    def _beginnings(self, plain: _Case, last: _Case) -> None:
        """Prompts of unequal lengths that begin alike, and one steered after that, on what they
        share."""
        short = replace(plain, prompt=max(plain.prompt * 3 // 4, 2))
        cases = [plain, last, short]
        common = short.prompt - 1
        for keep_cache in (False, True):
            rows = [one.row() for one in cases]
            batch = self._batch(cases, 0, plain.prompt - common, rows)
            batch.common = common
            done = prefill(self._loaded, batch, keep_cache=keep_cache)
            for index, one in enumerate(cases):
                what = "a prompt that begins as another does"
                self._same(what, done.logits[index], one.logits[one.prompt - 1])

    def _replies(self, plain: Sequence[_Case], steered: Sequence[_Case]) -> None:
        """Tokens one by one: a row alone; then two rows, a third that joins, one that leaves."""
        everything = tuple(range(self._loaded.depth))
        alone = _Reply(steered[1], steered[1].row(Recorder(everything, "last", 0, None)))
        self._reply([[alone]], dropped=None)
        self._captured("capture of a reply at", alone.row, alone.case, -1)
        first, second, third = (
            _Reply(one, one.row()) for one in (plain[0], steered[0], steered[1])
        )
        self._reply([[first, second], [third]], dropped=first)

    def _reply(self, arrivals: Sequence[Sequence["_Reply"]], *, dropped: "_Reply | None") -> None:
        """Generate the cases' own tokens; `arrivals` join one after another, a step between."""
        generation = Generation(self._loaded)
        under_way: list[_Reply] = []

        def compare(what: str, members: Sequence[_Reply], logits: torch.Tensor) -> None:
            for one, got in zip(members, logits, strict=True):
                self._same(what, got, one.want())
                one.feed()

        for number in range(_STEPS):
            if number < len(arrivals):
                new = arrivals[number]
                rows = [one.row for one in new]
                batch = self._batch([one.case for one in new], self._layer, 0, rows)
                compare("the first token of a reply", new, generation.admit(batch)[1])
                under_way += new
            if number == _STEPS - 1 and dropped is not None:
                generation.drop([dropped.row])
                under_way.remove(dropped)
            compare(f"token {number + 2} of a reply", under_way, generation.step())


@dataclass
class _Reply:
    """A row that is made to generate the tokens of its case."""

    case: _Case
    row: Row

    def want(self) -> torch.Tensor:
        """What the plain model says after the tokens so far."""
        return self.case.logits[len(self.row.tokens) - 1]

    def feed(self) -> None:
        """Let the row have drawn the next token of its case, if there is one left."""
        at = len(self.row.tokens)
        if at < len(self.case.tokens):
            self.row.generated.append(self.case.tokens[at])


@contextmanager
def _watching(loaded: Loaded, additions: Sequence[Addition] = ()) -> Iterator[list[torch.Tensor]]:
    """Hooks of this module's own: add, and keep each layer's output [1, tokens, width]."""
    seen: list[torch.Tensor] = []

    def hook(index: int) -> Any:
        def after(module: Any, args: Any, output: Any) -> Any:
            hidden = output[0] if isinstance(output, tuple) else output
            for addition in additions:
                if addition.layer == index:
                    hidden = hidden.clone()
                    hidden[:, addition.start :] += addition.delta.to(hidden.device, hidden.dtype)
            seen.append(hidden)
            return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

        return after

    handles = [
        layer.register_forward_hook(hook(index)) for index, layer in enumerate(loaded.layers)
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _distance(got: torch.Tensor, want: torch.Tensor, *, exact: bool) -> float:
    """Between two logits [vocabulary]: the largest difference of a log-probability (`exact`), or
    the root mean square of the differences."""
    one, other = (torch.log_softmax(logits.double(), -1) for logits in (got, want))
    difference = one - other
    return float(difference.abs().max() if exact else difference.square().mean().sqrt())
