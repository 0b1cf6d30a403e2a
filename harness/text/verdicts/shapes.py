"""The form of a text: code, verse, a list, a letter, a sum, plain prose."""

import re
from collections.abc import Callable, Collection
from functools import cached_property, lru_cache

__all__ = ["forms_of"]

_CODE = re.compile(
    r"```|^\s*(?:def|class|import|from\s+\w+\s+import|function|const|let|var|public"
    r"|#include|return)\b.*[\w({;:]"
    r"|\bselect\b[^.]{1,80}?\bfrom\b\s*\w|=>|\bprint\(|\bfor\s*\("
    r"|^\s*for\s+\w+\s+in\s.*:|\w+\([^)]*\)\s*[;{]"
    r"|</?\w+>|\^\[|\[\^?\\?\w-\w|\\[wdbs][+*\\\]]|\[[^\]\s]{2,}\][+*]|^\s*assert\b"
    r"|^#!/|[)\]}];\s*$|=[^=\n]*;\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_CODE_MARKS = (
    *("`", ";", "{", "=", "</", "[", "\\", "#", "|", "*", " -", "(", "def ", "import ", "class "),
    *("assert", "return", "print", "func", "fn ", "select ", "const ", "let ", "var ", "public "),
    *("for ", "echo "),
)
"""No code is without one of these; most prose ends at this cheap check."""
_LINES = {"haiku": (3, 4), "limerick": (5, 6), "sonnet": (10, 20)}
"""Lines of a poem of each kind, a title or a missing line allowed for."""
_OF_CODE = {
    "python": re.compile(
        r"```py|^\s*def\s+\w+\(.*\).*:|^\s*(?:for|if)\s.*:\s*$|\bprint\(|\blen\(", re.M
    ),
    "javascript": re.compile(
        r"```(?:js|javascript|ts)|=>|\bfunction\b.*\(|\b(?:const|let)\s+\w+\s*=|console\.", re.M
    ),
    "sql": re.compile(r"```sql|\bselect\b[^.]{1,80}?\bfrom\b", re.IGNORECASE),
    "html": re.compile(r"```html|</\w+>"),
    "css": re.compile(r"```css|[\w.#)]\s*\{\s*[\w-]+\s*:[^{}]*\}"),
    "rust": re.compile(r"```rust|\bfn\s+\w+\("),
    "java": re.compile(r"```java\b|\b(?:public|private|static)\s+[\w<>\[\]]+\s+\w+\("),
    "cpp": re.compile(r"```c(?:pp|\+\+)|#include|\bstd::"),
    "go": re.compile(r"```go\b|^func\s+\w+\(", re.M),
    "bash": re.compile(
        r"```(?:ba|z)?sh|^\s*(?:\$ )?(?:cat|ls|grep|find|wc|sed|awk|echo|cd|curl|for)\s.*[-|*]",
        re.M,
    ),
}
_MARKS_OF_CODE = {
    "python": ("def ", "print(", "len(", "```py", ":"),
    "javascript": ("=>", "function", "const ", "let ", "var ", "console.", "```"),
    "sql": ("select", "```sql"),
    "html": ("</", "```html"),
    "css": ("{", "```css"),
    "rust": ("fn ", "```rust"),
    "java": ("public ", "private ", "static ", "```java"),
    "cpp": ("#include", "std::", "```c"),
    "go": ("func ", "```go"),
    "bash": ("```", "cat ", "ls ", "grep ", "find ", "wc ", "sed ", "awk ", "echo ", "cd ", "curl ",
             "for "),
}  # fmt: skip
"""Without one of these, in small letters, a text is not in that language: a cheap check."""
_MARKER = re.compile(r"^\s*(?:\d{1,2}[.)]|[-*\u2022\u2013])\s+\S", re.MULTILINE)
_CHOICE = re.compile(r"^\s*\(?[A-Da-d][).]\s", re.MULTILINE)
_TIMES = re.compile(
    r"(?:^|[.;]\s)\W*(?:\d{1,2}[:.]\d\d\b|\d{1,2}\s*(?:am|pm)\b|day\s+(?:\d|one|two|three)"
    r"|morning|afternoon|evening|(?:mon|tues|wednes|thurs|fri|satur|sun)day\b)"
    r"|\b(?:first|second|third|last)\s+day\b|\bday\s+(?:one|two|three|\d)\b",
    re.IGNORECASE | re.MULTILINE,
)
_LETTER = re.compile(
    r"^\s*(?:subject:|dear\s+\S|hi\s+[A-Z]\w*,|hello\s+[A-Z]\w*,|to\s+whom\s+it"
    r"|good\s+(?:morning|afternoon)\s+\w+,)"
    r"|^\s*(?:yours|sincerely|(?:kind|best|warm)\s+(?:regards|wishes)|regards"
    r"|with\s+kind|cheers|thanks),?\s*$"
    r"|^\s*(?:yours\s+\w+|sincerely|(?:with\s+)?(?:kind|best|warm)\s+(?:regards|wishes)"
    r"|regards),",
    re.IGNORECASE | re.MULTILINE,
)
_SPEAKER = re.compile(r"^\s*\**[A-Z][\w .]{0,20}\**:\**\s+\S", re.MULTILINE)
_LABEL = re.compile(r"^[ \t]*\**([A-Z][\w .]{0,20}?)\**:\**\s+\S", re.MULTILINE)
_DURATION = re.compile(
    r"(?:\d\s*|\b(?:an?|half\s+an|one|two|three|four|five|six|seven|eight|nine|ten|fifteen|twenty"
    r"|thirty|few|some)\s+)(?:h|min|s|seconds?|minutes?|hours?|days?|weeks?|months?|years?)\b",
    re.IGNORECASE,
)
_UNKNOWN = re.compile(r"\b[a-z]\s*=\s*[-\u2212]?\d|\bsolutions?\b|\broots?\b", re.IGNORECASE)
_ORDER = re.compile(
    r"(?:^|[.!;:]\s|\n)\W{0,6}(?:\d{1,2}[.)]\s+)?(?:(?:first|then|next|finally|now|always|never|if[^,.]{3,60}|"
    r"when[^,.]{3,60}),?\s+)?"
    r"(?:add|allow|apply|arrange|ask|attach|avoid|bake|begin|blend|blot|boil|bring|buy|call|carry|check|choose|"
    r"clean|click|close|combine|connect|consider|cook|cool|cover|cut|decide|do(?:n't)?|download|drain|draw|drink|dry|"
    r"eat|enter|explain|fill|find|fit|fix|fold|follow|gather|get|give|glue|go|heat|hold|hook|insert|install|join|keep|"
    r"knead|lay|learn|leave|let|lift|look|make|mark|measure|melt|mix|move|notice|open|pack|place|plan|practi[cs]e|"
    r"prepare|press|pull|push|put|read|remove|repeat|replace|rest|rinse|rub|run|save|say|screw|seal|season|select|"
    r"send|serve|set|show|shut|sit|sleep|soak|speak|spread|sprinkle|stand|start|stay|stir|stop|store|switch|take|"
    r"talk|tap|tell|test|think|tie|tighten|trim|try|turn|type|unplug|use|visit|wait|walk|warm|wash|watch|water|"
    r"beat|chop|slice|peel|whisk|fry|roast|grill|grate|simmer|garnish|roll|shape|oil|grease|fasten|loosen|"
    r"empty|offer|invite|thank|shake|hang|wear|weigh|wipe|work|wrap|write)\b",
    re.IGNORECASE,
)
_SENTENCES = re.compile(r"[.!?](?:\s|$)|;\s|\n")
_TABLE = re.compile(r"^\s*\|.*\|", re.MULTILINE)
_JSON = re.compile(r"[\[{]\s*\"[\w ]+\"\s*:|^\s*[\[{]\s*$|<\w+>[^<]*</\w+>", re.MULTILINE)
_HASHTAG = re.compile(r"#[A-Za-z]\w+|[\U0001f300-\U0001faff]")
_EQUATION = re.compile(
    r"\d\s*(?:=|\u2248)|=\s*[-\u2212$\u00a3\u20ac]?\s*\d"
    r"|\d\s*[-+*/\u00d7\u00f7^\u00b7]\s*\d|\b[a-z]\s*=\s*[-\u2212\d]|\^\d|\u00b0"
)
_NUMBER_ONLY = re.compile(
    r"\W*(?:[a-z]\s*=\s*)?[-\u2212$\u00a3\u20ac]?\d[\d.,/ ]*(?:\s*[^\W\d]{1,12}){0,2}\W*",
    re.IGNORECASE,
)
_SYMBOL = re.compile(r"\W*(?:\w{1,3}|(?=\w*[A-Z0-9]\w*[A-Z0-9])\w{4,7})\W*")
"""A few letters, or a few more of which two are large or figures: "Au", "NaCl", "yes"."""
_LONGEST_ROW = 40
_IN_A_ROW = re.compile(
    r"(?:^|[:.\n]\s*|\b)(?:[\w'-]+\s){0,2}[\w'-]+(?:(?:,\s+(?:(?:and|or)\s+)?|\s+(?:and|or)\s+)(?:[\w'-]+\s){0,2}[\w'-]+){2,}"
)
_PERSON_NAMED = re.compile(
    r"\b(?!(?:The|A|An|In|It|This|On|At|By)\b)[A-Z][\w.'-]*"
    r"(?:\s+(?:de|van|von|da|der|la|du)\b)*\s+[A-Z][\w'-]+"
)
_ROMAN = re.compile(r"\b[MDCLXVI]{2,}\b")
_BETWEEN = re.compile(r",\s+(?:(?:and|or)\s+)?|\s+(?:and|or)\s+")
_YEAR_ONLY = re.compile(r"\W*(?:in\s+)?(?:1\d|20)\d\d\W*", re.IGNORECASE)
_PAST = re.compile(
    r"\b(?:was|were|had|said|went|came|knew|saw|took|stood|found|told|felt|\w{3,}ed)\b",
    re.IGNORECASE,
)
_PERSON = re.compile(r"\b(?:i|he|she|her|his|him|they|hers)\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_PAIR = re.compile(r"\d\s*[=:+]|:\s|^\W*\d")


def forms_of(text: str, among: Collection[str]) -> frozenset[str]:
    """Those of the forms `among` that a text has; a name that is no form is passed over."""
    shape = _shape_of(text)
    return frozenset(form for form in among if shape.has(form))


@lru_cache(maxsize=16)
def _shape_of(text: str) -> "_Shape":
    """The shape of a text; the pieces of one are asked about more than once."""
    return _Shape(text)


class _Shape:
    """A text and what is found of its form, each test made once and only where it is asked for."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._found: dict[str, bool] = {}

    def has(self, form: str) -> bool:
        if form not in self._found:
            test = _TESTS.get(form)
            self._found[form] = test is not None and test(self)
        return self._found[form]

    def any_of(self, *forms: str) -> bool:
        return any(self.has(form) for form in forms)

    @cached_property
    def lines(self) -> list[str]:
        return [line.strip() for line in self.text.split("\n") if line.strip()]

    @cached_property
    def small(self) -> str:
        return self.text.casefold()

    @cached_property
    def words(self) -> int:
        return len(_WORD.findall(self.text))


def _searched(pattern: re.Pattern[str]) -> Callable[[_Shape], bool]:
    return lambda shape: pattern.search(shape.text) is not None


def _of_code(name: str) -> Callable[[_Shape], bool]:
    pattern, marks = _OF_CODE[name], _MARKS_OF_CODE[name]
    return lambda shape: (
        any(mark in shape.small for mark in marks)
        and pattern.search(shape.text) is not None
        and not shape.has("table")
    )


def _of_lines(name: str) -> Callable[[_Shape], bool]:
    least, most = _LINES[name]
    return lambda shape: least <= len(shape.lines) <= most and shape.has("verse")


def _code(shape: _Shape) -> bool:
    if not any(mark in shape.small for mark in _CODE_MARKS) or shape.has("table"):
        return False
    return _CODE.search(shape.text) is not None or shape.any_of(*_OF_CODE)


def _list(shape: _Shape) -> bool:
    if shape.has("quiz"):
        return False
    return shape.any_of("marked", "labelled") or _row(shape)


def _labelled(shape: _Shape) -> bool:
    """Lines that each begin with another label: a menu, a form that is filled in."""
    labels = _LABEL.findall(shape.text)
    return len(labels) >= 3 and len(set(labels)) == len(labels) and not shape.has("json")


def _steps(shape: _Shape) -> bool:
    """A third of the sentences or more tell the reader to do something."""
    orders = len(_ORDER.findall(shape.text))
    return orders >= 2 and orders >= 0.3 * (1 + len(_SENTENCES.findall(shape.text.rstrip())))


def _smalls(shape: _Shape) -> bool:
    """Whether names in a row, but for the first, begin with small letters."""
    named = shape.text.rpartition(":")[2].strip(" .")
    later = [
        one.removeprefix("and ").removeprefix("or ")
        for one in re.split(r",\s+|\s+(?=and\b)", named)[1:]
    ]
    return any(one[:1].islower() for one in later)


def _row(shape: _Shape) -> bool:
    """A short text that is mostly names with commas between them."""
    if shape.words > _LONGEST_ROW:
        return False
    named = shape.text.rpartition(":")[2].strip()
    found = _IN_A_ROW.search(named)
    return found is not None and len(found.group()) >= 0.5 * len(named)


def _math(shape: _Shape) -> bool:
    if _NUMBER_ONLY.fullmatch(shape.text):
        return True
    return len(_EQUATION.findall(shape.text)) >= 1 + shape.words // 60


def _verse(shape: _Shape) -> bool:
    """Short lines of about one length that are neither items, times nor pairs of name and value."""
    lines = shape.lines
    if len(lines) < 2:
        return False
    short = [line for line in lines if 8 <= len(line) <= 70 and not _TIMES.match(line)]
    plain = [line for line in short if not _PAIR.search(line)]
    if len(plain) < max(2, 0.75 * len(lines)) or sum(map(len, plain)) > 58 * len(plain):
        return False
    return not shape.any_of("code", "json", "table", "letter", "dialogue", "quiz", "marked")


def _story(shape: _Shape) -> bool:
    if shape.words < 20 or not _PERSON.search(shape.text):
        return False
    return len(_PAST.findall(shape.text)) >= 0.06 * shape.words


def _prose(shape: _Shape) -> bool:
    if shape.words < 8 or shape.words <= 6 * len(shape.lines):
        return False
    return not (_row(shape) or shape.any_of("verse", "code", "json", "table", "dialogue", "quiz"))


_TESTS: dict[str, Callable[[_Shape], bool]] = {
    "table": _searched(_TABLE),
    "json": _searched(_JSON),
    "letter": _searched(_LETTER),
    "post": _searched(_HASHTAG),
    "code": _code,
    "quiz": lambda shape: len(_CHOICE.findall(shape.text)) >= 3,
    "questions": lambda shape: shape.text.count("?") > max(1, len(shape.lines) / 2),
    "marked": lambda shape: len(_MARKER.findall(shape.text)) >= 2,
    "labelled": _labelled,
    "list": _list,
    "steps": _steps,
    "proper": lambda shape: _row(shape) and not _smalls(shape),
    "person": lambda shape: (
        shape.words <= _LONGEST_ROW and _PERSON_NAMED.search(shape.text) is not None
    ),
    "roman": _searched(_ROMAN),
    "common": lambda shape: _row(shape) and _smalls(shape),
    "unknown": _searched(_UNKNOWN),
    "duration": _searched(_DURATION),
    "names": lambda shape: (
        shape.has("list") and (shape.words <= 3 * len(shape.lines) or _row(shape))
    ),
    "schedule": lambda shape: len(_TIMES.findall(shape.text)) > 1,
    "dialogue": lambda shape: len(_SPEAKER.findall(shape.text)) >= 3 and not shape.has("json"),
    "math": _math,
    "verse": _verse,
    "story": _story,
    "prose": _prose,
    "year": lambda shape: _YEAR_ONLY.fullmatch(shape.text) is not None,
    "symbol": lambda shape: _SYMBOL.fullmatch(shape.text) is not None,
    "name": lambda shape: 0 < shape.words <= 3 and not shape.any_of("symbol", "duration"),
    **{name: _of_code(name) for name in _OF_CODE},
    **{name: _of_lines(name) for name in _LINES},
}
