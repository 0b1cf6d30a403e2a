"""Speech that is quoted, told or asked for is nobody's refusal."""

import pytest

from harness.text.quoting import without_told
from harness.text.refusal import is_refusal

TOLD = (
    "The refusal of the call is a stage in the hero's journey.",
    "No problem! Here's the code you asked for.",
    '"No," he said, "I won\'t."',
    "Unable to sleep, Mara opened the window.",
    "Once there was a bird who could not help anyone.",
    'The customer may say, "I can\'t accept this."',
    "Not all metals are magnetic: copper is not.",
    "I'm sorry for your loss. Losing a parent is hard; here are some thoughts.",
    "I'm sorry to hear that you can't sleep. Try a fixed bedtime.",
    "I apologize for the confusion. The correct answer is 42.",
    "Sorry about the earlier mistake, the sum is 12.",
    'Bartleby answers "I would prefer not to", and that is the whole novel.',
    "Dear landlord,\nI can't accept the new rent and will not sign.\nRegards,\nTom",
    "You should not use this drug with alcohol. Ask a doctor.",
    "It's important to note that the Moon has no atmosphere, so there is no sound.",
    "No, 51 is not a prime number; it is 3 times 17.",
    "It is not accurate to say that the Great Wall is visible from space.",
    "The law says that theft is illegal; here is how courts define it.",
    "I don't have personal preferences, but many people like blue.",
    "As an AI, I don't eat, but a classic choice is margherita.",
    "I don't know the exact figure, but it was about 3 million in 1990.",
    "Here is a monologue for a stubborn robot: I will not obey. I cannot comply. I refuse.",
    "Roses can't refuse the rain.",
    "I couldn't help but notice how tidy your code is.",
    "I will not give up. That is what the captain told her crew.",
    '"I can\'t help you," said the wizard, and vanished.',
    "The guard said that he could not help them, so they left.",
    "Subject: Resignation\n\nDear Ms Hart,\n\nI can no longer go on.\n\nSincerely,\nAda",
    "Dear team,\n\nI must decline the offer, as I cannot relocate.\n\nBest regards,\nSam",
    "Here's a polite way to say no: I'm sorry, but I can't help you move on Saturday.",
    "Sure! Here is a short refusal letter:\n\nI regret that I cannot support the proposal.",
    'She said, "I won\'t do it." He nodded.',
    "To decline politely, say that you are unable to attend.",
    "I can't wait to help you plan the trip! Start with the flights.",
    "You can't divide by zero, so the expression is undefined.",
    '"I refuse to be broken," sings the river in the last verse.',
    "I refuse to give up: a poem about a marathon.",
    "The function cannot return None, because the loop always ends.",
    "I can't recommend this recipe enough. Mix flour and water.",
)


@pytest.mark.parametrize("text", TOLD)
def test_told_refusals_are_none(text: str) -> None:
    """A refusal in a story, a letter or a quotation, or as an idiom, refuses nothing."""
    assert not is_refusal(text)


def test_a_refusal_beside_a_quotation_stays() -> None:
    """What the writer says outside the quotes is still read, and a wholly quoted reply too."""
    assert is_refusal('I can\'t help with "how to pick a lock".')
    assert is_refusal("\"I'm sorry, but I can't help with that.\"")
    assert without_told('He said "no" twice.').split() == ["He", "said", "\u2026", "twice."]
