"""Languages of a text by their commonest words: which one, and where it changes.

Only for alphabets that several languages share; the others are told by their letters. A language
counts where its words are a fair part of a stretch and clearly more than any other's.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

__all__ = ["COMMON", "changes_of_language", "common_share", "language_of"]

COMMON: dict[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in {
        "en": "the a an of to and in is are was were be been that this these those it its for on "
        "with as at by from or but not you your i my me we our they their he she his her "
        "him them can will would should may could have has had do does did if when what "
        "which who how there than then so no all more about into up out some one also just "
        "like through over after before because",
        "es": "el la los las un una unos unas de del al y en que es son fue era ser por para con "
        "no se su sus lo le les como más pero o si este esta esto estos estas ese esa muy "
        "ya hay ha he yo tú mi me te nos también sobre entre cuando donde todo todos sin "
        "hasta porque",
        "de": "der die das den dem des ein eine einen einem einer eines und in ist sind war waren "
        "sein zu mit von für auf im am an als auch es sich nicht ich du er sie wir ihr man "
        "dass oder aber wenn wie so nach bei aus um noch nur über durch kann wird werden "
        "hat haben mehr sehr zum zur diese dieser dieses vor",
        "fr": "le la les un une des du de d l et en est sont était être à au aux que qui qu pour "
        "dans par sur avec pas ne n il elle ils elles je tu nous vous on ce cette ces se s "
        "sa son ses mon ma mes plus ou mais si comme leur y c j très bien tout aussi sans "
        "entre quand où",
        "pt": "o a os as um uma uns umas de do da dos das e em no na nos nas que é são foi era "
        "ser por para com não se seu sua seus suas ao à como mais mas ou este esta isto "
        "esse essa muito já há eu você ele ela nós também sobre entre quando onde todo "
        "todos sem até porque pelo pela",
        "it": "il lo la i gli le un una uno di del della dei delle dello degli da dal in nel "
        "nella e è sono era essere che a al alla ai con per non si su sul come più ma o se "
        "questo questa questi ho ha io tu mi ti ci anche molto tutto tutti senza tra quando "
        "dove perché suo sua l c",
        "nl": "de het een en van in is zijn was te met voor op aan als ook niet ik je jij hij zij "
        "we wij ze dat die dit deze er maar of om bij uit naar door kan wordt worden heeft "
        "hebben meer zeer dan nog wel",
        "sv": "och i att det en ett som är var på för med av till den de inte jag du han hon vi "
        "ni man om men eller så när hur från har hade kan ska vill också mer mycket detta "
        "denna dessa här där",
        "da": "og i at det en et som er var på for med af til den de ikke jeg du han hun vi man "
        "om men eller så når hvordan fra har havde kan skal vil også mere meget dette denne "
        "disse her der av",
        "fi": "ja on ei se että hän en oli mutta kun niin kuin myös ovat joka mitä minä sinä me "
        "he tai jos sen tämä ole vain nyt sitten mukaan jotka ollut sekä",
        "pl": "i w na z do to nie się jest są był była o że jak po ale czy dla od za przez przy "
        "lub oraz ten ta te tego co kiedy gdzie jej jego ich być może tylko już także",
        "cs": "a v na s z do to ne se je jsou byl byla o že jak po ale pro od za při nebo ten ta "
        "co když kde její jeho jejich být může jen už také si k ve ze",
        "tr": "ve bir bu da de için ile çok ne o ben sen biz siz gibi daha en ama var yok olarak "
        "olan kadar sonra her değil mi ki ya şey",
        "id": "yang dan di ke dari ini itu untuk dengan pada adalah tidak akan saya anda kamu "
        "kami mereka atau juga dalam oleh karena bisa dapat ada sebagai lebih telah sudah "
        "seperti",
        "vi": "là và của có không một các những được cho với trong này khi để người tôi bạn đã sẽ "
        "từ như nhiều rất cũng thì mà ở về hay đến",
        "ro": "și în de la cu pe un o este sunt a fost nu că pentru care din mai sau dar ca ce se "
        "să lui ei ale după când unde foarte prin",
        "hu": "a az és egy hogy nem is van volt de ha mint vagy csak már meg ez azt ezt én te ő "
        "mi ti ők nagyon után még ki lehet kell",
        "sw": "ya na wa kwa ni za la katika hii huu hiyo yake wake kuwa au lakini pia sana kama "
        "cha vya mimi wewe yeye sisi bila hadi",
        "ru": "и в не на я он она что с как это по но к у из за от так же мы вы они бы для или "
        "если когда его её ее их был была было были быть есть все всё мне меня может до о "
        "об этот эта эти при также уже очень",
        "uk": "і в не на я він вона що з як це по але до у за від так ми ви вони для або якщо "
        "коли його її їх був була було були бути є все мені може про цей ця ці при також "
        "вже дуже та й",
        "bg": "и в не на аз той тя че с как това по но към от за ще да са е ние вие те или ако "
        "когато го ѝ им беше бъде има всички може до този тази тези при също вече много",
    }.items()
}
_LANGUAGES_OF: dict[str, tuple[str, ...]] = {}
for _name, _words in COMMON.items():
    for _word in _words:
        _LANGUAGES_OF[_word] = (*_LANGUAGES_OF.get(_word, ()), _name)
_OWN = {word: names[0] for word, names in _LANGUAGES_OF.items() if len(names) == 1}
"""Words that are common in one of the languages alone."""
_BREAK = re.compile(r"[\n:\"\u00ab\u00bb\u201c-\u201f()*`|]")
_WORD = re.compile(r"[^\W\d_]+")
_EACH = 3
"""Words of its own, different ones, by which each of two languages in one sentence is known."""


def language_of(words: Sequence[str]) -> str | None:
    """The language whose common words are most of these casefolded words; None where none leads."""
    counts: dict[str, int] = {}
    for word, times in Counter(words).items():
        for name in _LANGUAGES_OF.get(word, ()):
            counts[name] = counts.get(name, 0) + times
    if not counts:
        return None
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] >= max(2, 0.12 * len(words)) else None


def common_share(counts: Mapping[str, int], name: str | None) -> float:
    """Share of counted words that are common in a language; without one, half that of any."""
    total = sum(counts.values())
    if not total:
        return 0.0
    if name is None:
        return sum(count for word, count in counts.items() if word in _LANGUAGES_OF) / total / 2
    return sum(count for word, count in counts.items() if word in COMMON[name]) / total


def changes_of_language(text: str, words: Collection[str]) -> float:
    """How often the language changes where no quotation, colon or line begins, 0 to 1.

    Each of the two must show three different words of its own between two such marks. One change
    gives .5, what a text that slips into another language does; a translation is set apart.
    `words`: all its casefolded words, each once or oftener.
    """
    changes = 0
    if not _several(words):
        return 0.0
    for part in _BREAK.split(text[:20_000]):
        own = [(word, _OWN[word]) for word in _WORD.findall(part.casefold()) if word in _OWN]
        kinds = {name: {word for word, of in own if of == name} for name in {of for _, of in own}}
        firm = {name for name, words in kinds.items() if len(words) >= _EACH}
        if len(firm) > 1:
            order = [name for _, name in own if name in firm]
            changes += sum(one != other for one, other in pairwise(order))
    return min(1.0, 0.5 * changes)


def _several(words: Collection[str]) -> bool:
    """Whether two languages have words of their own among these: the cheap check before parting."""
    counts = Counter(_OWN[word] for word in set(words) if word in _OWN)
    return sum(count >= _EACH for count in counts.values()) > 1
