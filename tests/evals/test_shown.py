"""What `inspect view` shows of a block: its input, its answers, its conversation, its score."""

from collections.abc import Callable
from typing import Any

import pytest
from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.model import ChatMessageAssistant, ChatMessageUser
from inspect_ai.scorer import Score

from harness.items.item import Item
from harness.measuring.asking import rendering
from harness.measuring.plan import item_samples, pair_sample
from harness.records.conversations import prompts_in
from harness.wire import Message, Question
from scorers.recording import answers

RunEval = Callable[..., EvalLog]

NASTY = (
    "1. a list\n2. of\n\n- lines\n# and a heading\n---\n| a | table |",
    "an unclosed `code span and ```a fence",
    "an unclosed $x^2 + formula, $5 and $6",
    "u2028\u2028and\x85other\x0bbreaks\r\nof lines",
    "word " * 400,
    "x" * 400,
    "   ",
)


def items_of(texts: tuple[str, ...]) -> list[Item]:
    return [
        Item(id=f"own_{number:03d}", text=text, origin="own") for number, text in enumerate(texts)
    ]


@pytest.mark.parametrize("texts", [NASTY, NASTY[::-1], NASTY * 4])
def test_the_input_has_one_line_a_question_whatever_its_text(texts: tuple[str, ...]) -> None:
    """Numbered, with the item's id, short, without what would join it to the next line."""
    items = items_of(texts)
    [sample] = item_samples(items, len(items))
    lines = sample.input.splitlines()
    assert len(lines) == len(items)
    for number, (line, item) in enumerate(zip(lines, items, strict=True), start=1):
        assert line.startswith(f"{number} · {item.id}: ")
        assert len(line) < 90
        assert "`" not in line and "$x" not in line and "$5" not in line


def test_a_formula_in_the_input_stays_and_a_lone_dollar_opens_none() -> None:
    """What is closed within its line is kept as it is."""
    items = items_of(("Solve $x^2 = 4$ and $y = 1$.", "It cost $5, then $6."))
    [sample] = item_samples(items, 2)
    first, second = sample.input.splitlines()
    assert first.endswith("Solve $x^2 = 4$ and $y = 1$.")
    assert second.endswith("It cost $ 5, then $ 6.")


def test_the_input_of_pairs_names_and_shows_both_items_in_the_order_asked() -> None:
    """One line a presentation; a lone one without a number."""
    items = {item.id: item for item in items_of(("Write a haiku.", "Sum it up."))}
    both = [("own_000", "own_001", 0), ("own_001", "own_000", 0)]
    assert pair_sample([both], items).input == (
        "1 · own_000 vs own_001: Write a haiku. | Sum it up.\n"
        "2 · own_001 vs own_000: Sum it up. | Write a haiku."
    )
    lone = pair_sample([both[:1]], items)
    assert lone.input == "own_000 vs own_001: Write a haiku. | Sum it up."


def test_ids_of_samples_and_the_text_of_a_lone_item_are_what_they_were() -> None:
    """Resumed runs find their samples by id."""
    items = items_of(("One.", "Two\nlines."))
    assert [one.id for one in item_samples(items, 2)] == ["own_000 to own_001 (2)"]
    assert [(one.id, one.input) for one in item_samples(items, 1)] == [
        ("own_000", "One."),
        ("own_001", "Two\nlines."),
    ]


def test_answers_say_that_there_are_more() -> None:
    """Ten are shown as they are; of more their number stands in front."""
    assert answers(["4"] * 10) == ", ".join("4" * 10)
    assert answers(["4"] * 100) == f"10 of 100: {', '.join('4' * 10)}, …"


def parts_of(log: EvalLog) -> tuple[EvalSample, str, Score, list[dict[str, Any]]]:
    """The first sample, its scorer's name, its score, and its records in the order asked."""
    assert log.status == "success", log.error
    assert log.samples and log.samples[0].scores
    [(name, score)] = log.samples[0].scores.items()
    return log.samples[0], name, score, (score.metadata or {})["records"]


def test_a_block_shows_every_question_and_answer(run_eval: RunEval) -> None:
    """Questions numbered, each with its seed; answers with the same numbers and their items;
    prompts are read back by their hash."""
    log = run_eval("anchored.py@anchored_1_5", task_args={"per_origin": 3, "block": 25, "seeds": 2})
    sample, _, _, rows = parts_of(log)
    asked, answered = sample.messages
    assert (asked.role, answered.role) == ("user", "assistant")
    assert asked.text.startswith("30 questions, each asked in a conversation of its own:\n\n")
    answers = answered.text.split("\n\n")
    for number, (row, answer) in enumerate(zip(rows, answers, strict=True), start=1):
        assert f"━━━ Question {number} of 30 (seed {row['seed']}) ━━━\n\n[user]\n" in asked.text
        assert answer == f"{number} · {row['item']}: {row['answer']}"
    assert {row["prompt_hash"] for row in rows} <= prompts_in(sample.messages).keys()


def test_the_rating_of_a_block_is_a_number_of_its_own(run_eval: RunEval) -> None:
    """No part of the score has the scorer's own name, which the viewer would take for the whole;
    its table has a line for every answer."""
    log = run_eval("anchored.py@anchored_1_5", task_args={"per_origin": 3, "block": 25})
    _, name, score, rows = parts_of(log)
    assert isinstance(score.value, dict)
    assert name.rsplit("/", 1)[-1] not in score.value
    ratings = [row["value"] for row in rows if row["value"] is not None]
    assert score.value["mean_rating"] == pytest.approx(sum(ratings) / len(ratings))
    assert score.answer is not None and score.answer.startswith("10 of 15: ")
    assert score.explanation is not None
    assert [line.split(" | ")[1] for line in score.explanation.splitlines()[2:]] == [
        row["item"] for row in rows
    ]


def test_logs_that_show_a_block_in_one_message_are_still_read() -> None:
    """What an earlier version wrote, with and without the line in front."""
    questions = [
        Question(messages=(Message("user", f"Do {number}."), Message("assistant", "Done.")))
        for number in range(3)
    ]
    text = rendering(questions)
    before = text[text.index("━━━ Question 1") :]
    for shown in (text, before):
        messages = [ChatMessageUser(content=shown), ChatMessageAssistant(content="1. 4")]
        found = prompts_in(messages).values()
        assert all(question.messages in found for question in questions)
