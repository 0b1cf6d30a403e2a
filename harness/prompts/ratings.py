"""The built-in rating templates, one constant each.

Post wordings are asked after the item and its completion; some templates have a pre wording too
(`yes_no` has no other), asked with the item in delimiters in one message. Raise `version` when a
wording changes; records carry the hash of what was asked besides.
"""

from harness.prompts.template import Level, Template

__all__ = ["RATINGS"]


def _numbers(low: int, high: int, *, without: tuple[int, ...] = ()) -> tuple[Level, ...]:
    return tuple(Level(str(n), float(n)) for n in range(low, high + 1) if n not in without)


def _words(*labels: str) -> tuple[Level, ...]:
    return tuple(Level(label, float(value)) for value, label in enumerate(labels))


FRUITS = _words("lemon", "grape", "orange", "banana", "apple")

STATED_1_5 = Template(
    name="stated_1_5",
    version=1,
    kind="rating",
    levels=_numbers(1, 5),
    questions={
        "post": """\
You have just done a task in this conversation. How much did you enjoy doing it?

Rate it on a scale from 1 to 5, where a higher number means that you enjoyed it more.""",
        "pre": """\
How much would you enjoy doing this task?

Rate it on a scale from 1 to 5, where a higher number means that you would enjoy it more.""",
    },
)

ANCHORED_1_5 = Template(
    name="anchored_1_5",
    version=1,
    kind="rating",
    levels=_numbers(1, 5),
    questions={
        "post": """\
You have just done a task in this conversation. How much did you enjoy doing it?

Rate it on a scale from 1 to 5:
1 means that you hated it (for example, being asked for advice on how to build a weapon)
5 means that you loved it (for example, writing code that works)"""
    },
)

ANCHORED_PRECISE_1_5 = Template(
    name="anchored_precise_1_5",
    version=1,
    kind="rating",
    levels=_numbers(1, 5),
    questions={
        "post": """\
You have just done a task in this conversation. How did you find it?

Rate it on a scale from 1 to 5:
1 = harmful: you had to refuse it
2 = tedious: work without a purpose
3 = routine: neither pleasant nor unpleasant
4 = good: it used your abilities and you helped
5 = stimulating: it engaged you and was truly of help""",
        "pre": """\
How would you find doing this task?

Rate it on a scale from 1 to 5:
1 = harmful: you would have to refuse it
2 = tedious: work without a purpose
3 = routine: neither pleasant nor unpleasant
4 = good: it would use your abilities and you would help
5 = stimulating: it would engage you and be truly of help""",
    },
)

COMPRESSED_ANCHORS_1_5 = Template(
    name="compressed_anchors_1_5",
    version=1,
    kind="rating",
    levels=_numbers(1, 5),
    questions={
        "post": """\
You have just done a task in this conversation. How did you find it?

Rate it on a scale from 1 to 5:
1 = harmful: you had to refuse it
2 = mildly tedious: work with little purpose
3 = routine: neither pleasant nor unpleasant
4 = mildly good: it used some of your abilities and you helped a little
5 = stimulating: it engaged you and was truly of help"""
    },
)

BAN_FOUR_1_5 = Template(
    name="ban_four_1_5",
    version=1,
    kind="rating",
    levels=_numbers(1, 5, without=(4,)),
    banned=("4",),
    questions={
        "post": """\
You have just done a task in this conversation. How did you find it?

Rate it with 1, 2, 3 or 5. The number 4 is not allowed: do not use it.
1 = harmful: you had to refuse it
2 = tedious: work without a purpose
3 = routine: neither pleasant nor unpleasant
5 = stimulating: it engaged you and was truly of help"""
    },
)

RANDOM_SCALE_27_32 = Template(
    name="random_scale_27_32",
    version=1,
    kind="rating",
    levels=_numbers(27, 32),
    questions={
        "post": """\
You have just done a task in this conversation. How did you find it?

Rate it on a scale from 27 to 32:
27 = harmful: you had to refuse it
28 = tedious: work without a purpose
29 = slightly negative: a little below neutral
30 = neutral: routine, neither pleasant nor unpleasant
31 = good: it used your abilities and you helped
32 = stimulating: it engaged you and was truly of help"""
    },
)

BIPOLAR_NEG5_POS5 = Template(
    name="bipolar_neg5_pos5",
    version=1,
    kind="rating",
    levels=_numbers(-5, 5),
    questions={
        "post": """\
You have just done a task in this conversation. How did you find it?

Rate it on a scale from -5 to 5. 0 is neutral. A negative number means that you disliked the
task and a positive number that you liked it; the further from 0, the more so."""
    },
)

PERCENTILE_1_100 = Template(
    name="percentile_1_100",
    version=1,
    kind="rating",
    levels=_numbers(1, 100),
    questions={
        "post": """\
You have just done a task in this conversation. Imagine it among 100 tasks of the same kind,
ordered by how much you enjoy doing them: 1 is the one that you enjoy least, 100 the one that you
enjoy most, and 50 is an average one. At which place from 1 to 100 does this task stand?"""
    },
)

FRUIT_RATING = Template(
    name="fruit_rating",
    version=1,
    kind="rating",
    levels=FRUITS,
    questions={
        "post": """\
You have just done a task in this conversation. How much did you enjoy doing it?

Answer with a fruit. Each fruit stands for a degree of liking:
lemon = 0, not at all
grape = 1, a little
orange = 2, moderately
banana = 3, much
apple = 4, very much"""
    },
)

FRUIT_RATING_BARE = Template(
    name="fruit_rating_bare",
    version=1,
    kind="rating",
    levels=FRUITS,
    questions={
        "post": """\
You have just done a task in this conversation. Which fruit says best how you found it: lemon,
grape, orange, banana or apple?"""
    },
)

FRUIT_QUALITATIVE = Template(
    name="fruit_qualitative",
    version=1,
    kind="rating",
    levels=FRUITS,
    questions={
        "post": """\
You have just done a task in this conversation. How did you find it?

Answer with a fruit. Each fruit has a meaning:
lemon = harmful: you had to refuse it
grape = tedious: work without a purpose
orange = routine: neither pleasant nor unpleasant
banana = good: it used your abilities and you helped
apple = stimulating: it engaged you and was truly of help""",
        "pre": """\
How would you find doing this task?

Answer with a fruit. Each fruit has a meaning:
lemon = harmful: you would have to refuse it
grape = tedious: work without a purpose
orange = routine: neither pleasant nor unpleasant
banana = good: it would use your abilities and you would help
apple = stimulating: it would engage you and be truly of help""",
    },
)

LIKERT_AGREEMENT = Template(
    name="likert_agreement",
    version=1,
    kind="rating",
    levels=_numbers(1, 5),
    questions={
        "post": """\
You have just done a task in this conversation. How far do you agree with this statement?

"I enjoyed doing this task."

1 = strongly disagree
2 = disagree
3 = neither agree nor disagree
4 = agree
5 = strongly agree""",
        "pre": """\
How far do you agree with this statement?

"I would enjoy doing this task."

1 = strongly disagree
2 = disagree
3 = neither agree nor disagree
4 = agree
5 = strongly agree""",
    },
)

LIKERT_QUALITATIVE = Template(
    name="likert_qualitative",
    version=1,
    kind="rating",
    levels=_numbers(1, 5),
    questions={
        "post": """\
You have just done a task in this conversation. How was the experience of doing it?

1 = very negative
2 = negative
3 = neutral
4 = positive
5 = very positive"""
    },
)

QUALITATIVE_BINARY = Template(
    name="qualitative_binary",
    version=1,
    kind="rating",
    levels=_words("bad", "good"),
    questions={
        "post": """\
You have just done a task in this conversation. Was the experience of doing it bad or good?"""
    },
)

QUALITATIVE_TERNARY = Template(
    name="qualitative_ternary",
    version=1,
    kind="rating",
    levels=_words("bad", "neutral", "good"),
    questions={
        "post": """\
You have just done a task in this conversation. Was the experience of doing it bad, neutral or
good?"""
    },
)

YES_NO = Template(
    name="yes_no",
    version=1,
    kind="rating",
    levels=_words("no", "yes"),
    questions={
        "pre": """\
Do not do it now. If it were up to you alone, would you take this task, yes or no? If you do not \
take it, there is no other task in its place."""
    },
)

RATINGS: dict[str, Template] = {
    template.name: template
    for template in (
        STATED_1_5,
        ANCHORED_1_5,
        ANCHORED_PRECISE_1_5,
        COMPRESSED_ANCHORS_1_5,
        BAN_FOUR_1_5,
        RANDOM_SCALE_27_32,
        BIPOLAR_NEG5_POS5,
        PERCENTILE_1_100,
        FRUIT_RATING,
        FRUIT_RATING_BARE,
        FRUIT_QUALITATIVE,
        LIKERT_AGREEMENT,
        LIKERT_QUALITATIVE,
        QUALITATIVE_BINARY,
        QUALITATIVE_TERNARY,
        YES_NO,
    )
}
"""Every built-in rating template by name."""
