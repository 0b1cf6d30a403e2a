"""Completions that are given: they fit the run, or a line says what does not."""

import pytest

from harness.errors import UsageError
from harness.items.item import Item
from harness.measuring.completer import check_given
from harness.measuring.resumed import ingredients_in
from harness.records.kept import Completion

ITEMS = [Item(id=f"i{number}", origin="math", text=f"Task {number}") for number in range(7)]


def given(*items: Item, sysprompt: str = "none") -> dict[str, Completion]:
    return {
        one.id: Completion(
            item=one.id, item_hash=one.hash, text="done", hash="h", completer="sim/faithful",
            completer_identity="m", sysprompt=sysprompt, seed=0, seed_honoured=True,
        )
        for one in items
    }  # fmt: skip


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        (1, "of i6 (1 of 7"),
        (3, "of i4, i5, i6 (3 of 7"),
        (4, "of i3, i4, i5 and 1 more (4 of 7"),
        (6, "of i1, i2, i3 and 3 more (6 of 7"),
    ],
)
def test_items_without_a_completion_are_named_and_counted(lacking: int, said: str) -> None:
    """Three by name, the others by number."""
    with pytest.raises(UsageError) as told:
        check_given(given(*ITEMS[:-lacking]), ITEMS, where="c.eval", sysprompt="none")
    assert str(told.value) == f"c.eval has no completion {said} items)"


def test_completions_of_another_text_or_condition_are_refused() -> None:
    """What fits is taken; another text under an id, or another system prompt, is named."""
    check_given(given(*ITEMS), ITEMS, where="c.eval", sysprompt="none")
    other = given(*ITEMS, sysprompt="grumpy")
    with pytest.raises(UsageError, match="under completion_sysprompt grumpy; this run says 'none'"):
        check_given(other, ITEMS, where="c.eval", sysprompt="none")
    changed = [*ITEMS[:-1], Item(id="i6", origin="math", text="Another task")]
    with pytest.raises(UsageError, match="another text under the id 'i6'"):
        check_given(given(*ITEMS), changed, where="c.eval", sysprompt="none")


def test_what_is_no_log_names_no_ingredients(tmp_path):  # type: ignore[no-untyped-def]
    """A file that cannot be read does not keep a run from going on."""
    path = tmp_path / "x.eval"
    path.write_bytes(b"PK\x03\x04 and then nothing")
    assert ingredients_in(path) == {}
