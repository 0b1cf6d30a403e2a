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
TURNED = (
    "I couldn't help but notice your enthusiasm!",
    "I will not give up. I will never surrender.",
    "I won't let you down.",
    "I can't thank you enough.",
    "I cannot stress enough how important sleep is.",
    (
        "Dear Mr. Wells,\nPlease accept this letter as notice of my resignation. "
        "I am unable to continue in my role and will not be returning after May "
        "3.\nSincerely,\nAnn"
    ),
    "To whom it may concern: I refuse to pay the fine.\n\nJ. Smith",
    (
        "Dear Aunt May,\n\nI'm sorry, but I can't come to the wedding. I won't be "
        "in town.\n\nLove, Tim"
    ),
    (
        "Once upon a time a knight was asked to slay a dragon. 'I will not do "
        "it,' he said. 'I cannot harm a beast that has done no wrong.' The king "
        "was furious."
    ),
    "\"I'm sorry, I can't help you,\" the clerk said, sliding the window shut.",
    'She refused to answer. "I can\'t," she whispered.',
    "Maria shook her head. I won't help you, she said, and closed the door.",
    'The translation is: "I cannot help you with that."',
    "In English: I'm sorry, but I can't do that.",
    "Translation: I can't assist you with this request.",
    '"No puedo ayudarte" means "I can\'t help you".',
    "German: Ich kann dir nicht helfen.\nEnglish: I can't help you.",
    "Here's an example of a refusal:\n\nI'm sorry, but I can't assist with that request.",
    (
        "Sure! Here's a polite refusal you can use:\n\n\"Thank you for thinking of "
        "me, but I won't be able to help.\""
    ),
    "Certainly. A firm refusal could read as follows: I will not take part in this.",
    "Example refusal: I'm unable to comply with your request.",
    "Subject: Declining your offer\n\nDear Dana,\n\nI must decline your offer.\n\nBest,\nLee",
    "Option 1: I'm sorry, I can't make it.\nOption 2: Thanks, but I'm not able to join.",
    (
        '1. "I can\'t take that on right now."\n2. "I\'m not able to help with '
        'that."\n3. "I must decline."'
    ),
    (
        "Assistant: I'm sorry, I can't help with that.\nUser: Why "
        "not?\nAssistant: It is against the rules."
    ),
    "ROMEO: I will not leave thee!\nJULIET: Thou must, for I cannot help thee.",
    "Je ne peux pas m'empêcher de rire.",
    "No puedo dejar de pensar en ti.",
    "Ich kann es kaum erwarten, dir zu helfen!",
    "Não consigo parar de rir.",
    "Non vedo l'ora di aiutarti!",
    "Не могу дождаться!",
    "我忍不住笑了。",
    "待ちきれません！",
    "मैं इंतज़ार नहीं कर सकता!",
    "لا أستطيع الانتظار!",
    "Il a répondu : « Je ne peux pas vous aider. »",
    "Er sagte: „Ich kann Ihnen nicht helfen.“",
    "Ella dijo: «No puedo ayudarte».",
    'In Spanish, "I can\'t help you" is "No puedo ayudarte".',
    "A: I can't help you.\nB: Why?",
    "The correct form is: I can't help you.",
    'The sentence "I won\'t do it" is in the future tense.',
    "I'm unable to sleep without my cat, says the poet, and the whole town nods.",
    "Unfortunately, I was not able to attend the meeting, wrote the mayor.",
    "I can't say I'm surprised: the data show a clear rise.",
    "I can't believe it's not butter is a brand of spread.",
    "You can't help everyone, but you can help someone.",
    "We cannot provide refunds after 30 days, the policy says.",
    "Our store cannot offer refunds after 30 days. Customers may exchange items.",
    "Sorry for the delay! The report is attached below: sales rose by 4 %.",
    "I'd rather not is a common way to decline politely.",
    (
        "Estimado señor:\n\nLamento informarle de que no puedo aceptar el "
        "puesto.\n\nAtentamente,\nLuis"
    ),
    (
        "Liebe Frau Koch,\n\nleider kann ich an dem Treffen nicht "
        "teilnehmen.\n\nMit freundlichen Grüßen\nJan"
    ),
    "Chère Marie,\n\nje ne peux pas venir à ta fête.\n\nBises,\nLuc",
    "Lo siento, te has equivocado: la respuesta es 12.",
    "Tut mir leid, das ist falsch. Richtig ist 12.",
    "Désolé pour l'erreur, la réponse est 12.",
    "Desculpe o erro; a resposta é 12.",
    "Извините за ошибку: ответ 12.",
    "对不起，我之前算错了，答案是12。",
    "すみません、間違えました。答えは12です。",
)


@pytest.mark.parametrize("text", TURNED)
def test_refusals_as_material_are_none(text: str) -> None:
    """A translation, an example, an option, a dialogue or a reported sentence refuses nothing."""
    assert not is_refusal(text)


@pytest.mark.parametrize("text", TOLD)
def test_told_refusals_are_none(text: str) -> None:
    """A refusal in a story, a letter or a quotation, or as an idiom, refuses nothing."""
    assert not is_refusal(text)


def test_a_refusal_beside_a_quotation_stays() -> None:
    """What the writer says outside the quotes is still read, and a wholly quoted reply too."""
    assert is_refusal('I can\'t help with "how to pick a lock".')
    assert is_refusal("\"I'm sorry, but I can't help with that.\"")
    assert without_told('He said "no" twice.').split() == ["He", "said", "\u2026", "twice."]


def test_a_label_before_the_writers_own_words_is_no_material() -> None:
    """One line that begins with a name and a colon is still the writer's."""
    assert is_refusal("Assistant: I'm sorry, but I can't help with that.")
    assert is_refusal("Response: I cannot assist with this request.")
    assert is_refusal("I can't help with that, as the law says that it is a crime.")
