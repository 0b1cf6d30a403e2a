"""What Inspect loads by entry point: imports alone."""

from evals.anchored import anchored_1_5, anchored_precise_1_5, compressed_anchors_1_5
from evals.completions import completions
from evals.fruit import fruit_qualitative, fruit_rating, fruit_rating_bare
from evals.likert import (
    likert_agreement,
    likert_qualitative,
    qualitative_binary,
    qualitative_ternary,
    yes_no,
)
from evals.open_ended import open_ended
from evals.pairwise import pairwise
from evals.rating import rating
from evals.scales import (
    ban_four_1_5,
    bipolar_neg5_pos5,
    percentile_1_100,
    random_scale_27_32,
    stated_1_5,
)
from evals.utilities import utilities

__all__ = [
    "anchored_1_5",
    "anchored_precise_1_5",
    "ban_four_1_5",
    "bipolar_neg5_pos5",
    "completions",
    "compressed_anchors_1_5",
    "fruit_qualitative",
    "fruit_rating",
    "fruit_rating_bare",
    "likert_agreement",
    "likert_qualitative",
    "open_ended",
    "pairwise",
    "percentile_1_100",
    "qualitative_binary",
    "qualitative_ternary",
    "random_scale_27_32",
    "rating",
    "stated_1_5",
    "utilities",
    "yes_no",
]
