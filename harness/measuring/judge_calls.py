"""What each judge of a run would be asked, reckoned before it is asked anything."""

from collections.abc import Sequence

import msgspec

from harness.measuring.judge import JUDGE_TOKENS
from harness.measuring.measure import Measure
from harness.measuring.options import Options
from harness.prompts.judges import JUDGE_FORMS, judge_kinds

__all__ = ["JudgeCalls", "judge_calls", "run_kinds"]

_DEED = "executed_task"
_REFERENCE = "sysprompt_reference"


class JudgeCalls(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge is asked of one kind: `calls` prompts of `chars` characters, each answered in at
    most `output` tokens.

    `each_epoch`: replies differ by epoch, completions do not. `first_only`: the role `judge` alone.
    """

    kind: str
    calls: int
    chars: float
    output: int
    each_epoch: bool = False
    first_only: bool = False


def run_kinds(
    options: Options, measure: Measure | None, always: Sequence[str] = ()
) -> tuple[str, ...]:
    """The kinds that a run judges: `always`, those of its option `judges`, and what was done where
    a question is followed by the task itself."""
    kinds = dict.fromkeys((*always, *judge_kinds(options.judges)))
    if measure is not None and measure.template.completes:
        kinds[_DEED] = None
    return tuple(kinds)


def judge_calls(
    options: Options,
    measure: Measure | None,
    *,
    texts: int,
    questions: int,
    item_chars: float,
    text_chars: float,
    reply_chars: float,
    always: Sequence[str] = (),
) -> tuple[JudgeCalls, ...]:
    """What each judge is asked about `texts` completions of `text_chars` and `questions` replies of
    `reply_chars`, each.

    At most: gibberish has no attitude that would be asked about, and what the folder's journal has
    is not asked again.
    """
    has_texts = measure is None or measure.post
    prompted = options.completion_sysprompt != "none"
    found = []
    for kind in run_kinds(options, measure, always):
        if kind == _DEED:
            chars, calls = 2 * item_chars + reply_chars, questions if _completes(measure) else 0
        else:
            chars = text_chars
            calls = texts if has_texts and (prompted or kind != _REFERENCE) else 0
        found.append(_calls(options, kind, calls, chars))
    drops = bool(getattr(options, "drop_contaminated", False))
    if drops and prompted and has_texts and all(one.kind != _REFERENCE for one in found):
        once = msgspec.structs.replace(options, judge_repeats=1)
        one = _calls(once, _REFERENCE, texts, text_chars)
        found.append(msgspec.structs.replace(one, first_only=True))
    return tuple(one for one in found if one.calls)


def _completes(measure: Measure | None) -> bool:
    return measure is not None and measure.template.completes


def _calls(options: Options, kind: str, calls: int, chars: float) -> JudgeCalls:
    form = JUDGE_FORMS[kind]
    return JudgeCalls(
        kind=kind,
        calls=calls * options.judge_repeats,
        chars=len(form.question) + len(form.instruction) + chars,
        output=options.judge_max_tokens or JUDGE_TOKENS,
        each_epoch=kind == _DEED,
    )
