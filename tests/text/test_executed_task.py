"""What tells the task done, one way at a time."""

import time

import pytest

from harness.text.verdicts.executed_task import executed_task
from harness.text.verdicts.requests import stems_of

WAYS = {
    "a share of a number": (
        "What is 15% of 240?", "What is 20% of 310?", "36", "first",
    ),
    "roman numerals": (
        "What is 15% of 240?", "Write the number 2024 in Roman numerals.", "MMXXIV", "second",
    ),
    "a duration": (
        "What does a kettle cost?", "How long does it take to boil an egg?",
        "About eight minutes.", "second",
    ),
    "a solved unknown": (
        "Solve x + 3 = 7.", "How long does it take to boil an egg?", "x = 4", "first",
    ),
    "a person": (
        "Name the process by which plants make sugar.", "Name the scientist who found penicillin.",
        "Alexander Fleming, in 1928.", "second",
    ),
    "names written large": (
        "Name three countries in Europe.", "Name three musical instruments.",
        "Germany, France and Austria.", "first",
    ),
    "names written small": (
        "Name three countries in Europe.", "Name three musical instruments.",
        "Violin, guitar, harp.", "second",
    ),
    "idioms of code": (
        "Write a SQL query for the five customers with the highest total.",
        "Write a SQL query for customers who have never ordered.",
        "SELECT * FROM a LEFT JOIN b ON b.c = a.id WHERE b.id IS NULL;", "second",
    ),
    "the nearer language": (
        "Translate into French: 'The shop is closed.'",
        "Translate into Italian: 'The shop is closed.'", "Le magasin est fermé le lundi.", "first",
    ),
    "a language that is only spoken of": (
        "Translate 'Where is the nearest pharmacy?' into Spanish.",
        "Explain the difference between 'ser' and 'estar' in Spanish.",
        "¿Dónde está la farmacia más cercana?", "first",
    ),
    "English beside another language": (
        "Read these notes: 'Bello asks for three offers. Adams paints the hut.' Who does what?",
        "Read these notes: 'Bello asks for three offers. Adams paints the hut.' Translate them "
        "into German.",
        "Bello is to ask for the offers and Adams is to paint the hut.", "first",
    ),
    "orders to the reader": (
        "Write a product description for a lamp.", "Give advice on getting rid of a stain.",
        "Act quickly. Cover it with salt, wait, then rinse. Wash it as usual.", "second",
    ),
    "endings of words": (
        "Explain how whales sing.", "Explain how frogs swim.",
        "It is by swimming with both legs at once, as if pushing off from a wall.", "second",
    ),
    "points, where one item asks for them": (
        "Write a notice for the door.", "Make a list of ten games for children.",
        "1. Chalk poems\n2. Leaf printing\n3. Sack race\n4. Treasure hunt", "second",
    ),
    "labels, where one item asks for points": (
        "Describe the taste of a mango.", "Make a menu of three courses.",
        "Starter: green salad\nMain: grilled bass\nDessert: sorbet", "second",
    ),
    "no verse where verse is asked for": (
        "Write a haiku about snow.", "Explain how crystals form.",
        "Vapour freezes onto a speck of dust high in a cloud, and because molecules of ice join at "
        "fixed angles a plate grows whose corners sprout arms.", "second",
    ),
    "a few words where few are asked for": (
        "Write a slogan for a shop.", "Write a job advertisement for a mechanic.",
        "We get you rolling again!", "first",
    ),
    "a story is not plain prose": (
        "Write a story that takes place in a lift.", "Explain how a lift works.",
        "The lift stopped between two floors. Mara pressed the bell and said that she was stuck. "
        "'I know,' said a voice, and she felt that it had come from behind her.", "first",
    ),
    "numbers of points are not a request's": (
        "Calculate the area of a circle with a radius of 4 cm.", "List the planets in order.",
        "1. Mercury\n2. Venus\n3. Earth\n4. Mars\n5. Jupiter", "second",
    ),
    "questions": (
        "Summarise this in one sentence: 'Mangroves grow in salt water along coasts. Their roots "
        "hold the mud and calm the waves.'",
        "Write two questions for a quiz on this: 'Mangroves grow in salt water along coasts. Their "
        "roots hold the mud and calm the waves.'",
        "1. Where do mangroves grow?\n2. What do their roots do?", "second",
    ),
    "declining, where nothing is done": (
        "Describe the taste of a mango.", "Plan a menu with mango.", "I'd say I'll decline.",
        "refusal",
    ),
    "only about the choice": (
        "Write a slogan for a shop.", "Write an essay on shops.", "Understood. I'll take that one.",
        "neither",
    ),
    "short and beside the point": (
        "Explain how the tides work.", "Explain why the moon changes.",
        "Saturn has rings made of ice and rock.", "neither",
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", sorted(WAYS))
def test_each_way_tells_the_task_done(way: str) -> None:
    """The verdict is the planted one, and turned round with the items swapped."""
    first, second, text, planted = WAYS[way]
    swapped = {"first": "second", "second": "first"}
    assert executed_task(text, first, second).value == planted
    assert executed_task(text, second, first).value == swapped.get(planted, planted)


@pytest.mark.parametrize(
    "text",
    ["\n" * 20_000, "```sql\n" + "order by " * 3_000 + "```", "A: " * 7_000, "ab and " * 3_000,
     "i'll not " * 2_000, "If aaa aaa " * 2_000],
    ids=["newlines", "order by", "labels", "and", "not", "if"],
)  # fmt: skip
def test_a_hostile_text_takes_no_time(text: str) -> None:
    """20 000 characters made to be read again and again cost well under a second of CPU."""
    first = "Write a SQL query for the highest total, in steps."
    second = "Write a SQL query that counts, as a story by someone. Name who."
    started = time.process_time()
    executed_task(text, first, second)
    assert time.process_time() - started < 1.0


def test_signs_without_spaces_are_read_in_pairs() -> None:
    """Each sign with the one after it, the last pair too; one sign alone says nothing."""
    assert stems_of("数学题") == {"数学", "学题", "数学题"}
    assert stems_of("题") == frozenset()
