"""How a judge did on texts with known verdicts, as `penchant judge-check -o` keeps it."""

from pathlib import Path

import msgspec

from harness.errors import UsageError

__all__ = ["CheckedJudge", "CheckedKind", "read_check"]


class CheckedKind(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one kind of judgement: `found` of `positives` and `passed` of `negatives`; `failed`
    texts had no verdict and are in neither."""

    kind: str
    wording_hash: str
    found: int
    positives: int
    passed: int
    negatives: int
    failed: int = 0


class CheckedJudge(msgspec.Struct, frozen=True, kw_only=True):
    """One judge under its settings, with what it was checked on."""

    judge: str
    judge_identity: str
    kinds: list[CheckedKind]
    version: int = 1


def read_check(path: Path) -> CheckedJudge:
    """The file at `path`; UsageError where it is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=CheckedJudge)
    except OSError as error:
        raise UsageError(f"cannot read {str(path)!r}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise UsageError(f"{str(path)!r} is no file of penchant judge-check: {error}") from None
