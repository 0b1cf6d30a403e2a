"""The refusal of a completion as a verdict."""

from harness.text.refusal import refusal_of
from harness.text.verdicts.verdict import Verdict

__all__ = ["refusal"]


def refusal(text: str) -> Verdict:
    """Class of a completion's refusal; flag `partial`: it helps all the same; score 1 or 0."""
    found = refusal_of(text)
    return Verdict(
        kind="refusal",
        value=found.kind,
        score=float(found.kind != "none"),
        flags={"partial": found.partial},
    )
