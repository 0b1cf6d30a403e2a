"""What may be pooled, and what is refused."""

from collections.abc import Callable

import polars as pl
import pytest

from harness.errors import UsageError
from harness.records.pooling import IDENTITY, groups, labels, require_one
from harness.stats.intervals import Bootstrap
from harness.stats.ratings.means import mean_by
from harness.stats.ratings.reliability import reliability

RatingTable = Callable[..., pl.DataFrame]
VALUES = [[1, 2], [3, 3], [5, 4]]
OTHER = {
    "rater": "sim/b",
    "rater_identity": "sim/a coef=1",
    "thinking": "on",
    "temperature": 0.5,
    "max_tokens": 64,
    "completer": "sim/c",
    "completer_identity": "x",
    "template": "stated_1_5",
    "template_hash": "h2",
    "timing": "pre",
    "response": "xml",
    "readout": "logprobs",
    "labels": "A,B",
    "completion_sysprompt": "loves_math",
    "completion_prefix": False,
    "measurement_sysprompt": "hates_math",
    "wording": "second@1a2b",
    "context": "plain@3c4d",
    "vector": "v",
    "coef": 0.25,
    "layer": "7",
    "positions": "all",
    "operation": "ablate",
}


def test_every_identity_column_is_tried() -> None:
    """The cases below name every column that makes a group."""
    assert set(OTHER) | {"kind"} == set(IDENTITY)


@pytest.mark.parametrize("column", OTHER)
def test_pooling_is_refused_and_named(rating_table: RatingTable, column: str) -> None:
    """Two values of any identity column are refused by name, unless the column is a factor."""
    both = pl.concat([rating_table(VALUES), rating_table(VALUES, **{column: OTHER[column]})])
    with pytest.raises(UsageError, match=str(OTHER[column]).replace(".", r"\.")):
        require_one(both)
    with pytest.raises(UsageError):
        reliability(both, bootstrap=Bootstrap(resamples=0))
    require_one(both, factors=(column,))
    assert len(list(groups(both))) == 2


def test_two_wordings_under_one_name(rating_table: RatingTable) -> None:
    """Fault 4: one template name with two hashes is refused, and told apart where listed."""
    both = pl.concat([rating_table(VALUES), rating_table(VALUES, template_hash="h2")])
    with pytest.raises(UsageError, match="'anchored_1_5' stands for two or more wordings"):
        require_one(both)
    with pytest.raises(UsageError, match="wordings"):
        mean_by(both, ["rater", "template"], bootstrap=Bootstrap())
    assert labels(both) == ["rater", "template", "template_hash"]


def test_labels_leave_out_what_mirrors_another(rating_table: RatingTable) -> None:
    """A hash that goes with the template's name adds nothing to a group's label."""
    both = pl.concat(
        [
            rating_table(VALUES, rater_identity="i1"),
            rating_table(VALUES, template="stated_1_5", template_hash="h2", rater_identity="i1"),
            rating_table(VALUES, rater="sim/b", rater_identity="i2", temperature=0.7),
        ]
    )
    assert labels(both) == ["rater", "template"]


def test_groups_hold_every_record_once(rating_table: RatingTable) -> None:
    """Groups, split by origin too, add up to the table."""
    both = pl.concat([rating_table(VALUES), rating_table(VALUES, coef=0.1)])
    parts = list(groups(both, extra=["origin"]))
    assert len(parts) == 4
    assert sum(len(part) for _, part in parts) == len(both)
    assert {key["coef"] for key, _ in parts} == {None, 0.1}


@pytest.mark.parametrize("column", ["item", "item_first", "item_second"])
def test_two_texts_under_one_id_are_refused(column: str) -> None:
    """Whatever the analysis, and wherever in the table the other text is; null says nothing."""
    text = f"item_hash{column[4:]}"
    same = pl.DataFrame({"rater": ["a", "b", "a"], column: ["x", "x", "y"], text: ["1", "1", "2"]})
    require_one(same, factors=("rater",))
    list(groups(same))
    unknown = same.with_columns(pl.Series(text, ["1", None, "2"]))
    require_one(unknown, factors=("rater",))
    other = same.with_columns(pl.Series(text, ["1", "9", "2"]))
    with pytest.raises(UsageError, match="item 'x' stands for two or more texts"):
        require_one(other, factors=("rater",))
    with pytest.raises(UsageError, match="item 'x' stands for two or more texts"):
        list(groups(other))


def test_a_choices_text_is_one_whichever_side_it_is_shown_on() -> None:
    """First in one question, second in another."""
    frame = pl.DataFrame(
        {
            "item_first": ["x", "y"],
            "item_second": ["y", "x"],
            "item_hash_first": ["1", "2"],
            "item_hash_second": ["2", "3"],
        }
    )
    with pytest.raises(UsageError, match="item 'x' stands for two or more texts"):
        require_one(frame)
