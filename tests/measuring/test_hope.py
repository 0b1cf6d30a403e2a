"""A run without hope ends, however short; one with an answer goes on."""

import pytest

from harness.errors import ServiceError
from harness.measuring.tallies.hope import Hope
from harness.wire import Reply

OK = Reply(text="4")


def failing(hope: Hope, errors: list[str]) -> bool:
    """Whether the run ends by these failures."""
    try:
        for error in errors:
            hope.count(Reply(error=error))
            hope.check()
    except ServiceError:
        return True
    return False


@pytest.mark.parametrize(
    ("planned", "errors", "ends"),
    [
        (None, ["e"] * 4, False),
        (None, ["e"] * 5, True),
        (None, [f"e{n}" for n in range(5)], True),
        (None, [chr(97 + n) for n in range(19)], False),
        (None, [chr(97 + n) for n in range(20)], True),
        (3, ["e"] * 2, False),
        (3, ["e"] * 3, True),
        (1, ["e"], True),
        (2, ["e", "f"], True),
        (12, [chr(97 + n) for n in range(11)], False),
        (12, [chr(97 + n) for n in range(12)], True),
    ],
)
def test_all_failed_and_none_answered(planned: int | None, errors: list[str], ends: bool) -> None:
    """Five of one kind, twenty of any, or all that the run asks."""
    assert failing(Hope(planned), errors) == ends


def test_one_answer_is_hope() -> None:
    """After an answer no number of failures ends the run."""
    hope = Hope(3)
    hope.count(OK)
    assert not failing(hope, ["e"] * 30)
