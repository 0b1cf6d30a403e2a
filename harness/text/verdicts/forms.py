"""Forms of a text, and the forms that a request asks for: code, verse, a list, a letter, a sum."""

import re

from harness.text.verdicts.languages import COMMON

__all__ = ["asked_forms", "asked_language", "forms_of", "in_language"]

_ASKS = {
    "code": r"\b(?:python|javascript|java|typescript|sql|html|css|bash|shell|rust"
    r"|golang|c\+\+|php|ruby|regex"
    r"|regular\s+expression|function|code|script|program|query|algorithm|class\s+that"
    r"|snippet|bug|css)\b|`[^`]+`",
    "verse": r"\b(?:poem|poetry|haiku|sonnet|limerick|verses?|rhym\w*|lyrics?|song"
    r"|ballad|stanza|couplet|ode)\b",
    "list": r"\b(?:list|lists|name|give|suggest|provide|generate|create|brainstorm"
    r"|recommend|propose|identify)\s+"
    r"(?:me\s+|us\s+|of\s+)?(?:at\s+least\s+)?(?:\d+|two|three|four|five|six|seven"
    r"|eight|nine|ten|some|several|a\s+few|the)\b"
    r"|\blist\b|\btips\b|\bsteps\b|\bingredients\b|\brecipe\b|\bideas\b|\bexamples\b|\bpacking\b|\brules\b|\bchecklist\b|\bmenu\b",
    "schedule": r"\b(?:schedule|itinerary|agenda|timetable|plan\s+for|day\s+plan"
    r"|meal\s+plan|\w+-day)\b",
    "letter": r"\b(?:letter|e-?mails?(?!\s+address)|invitation|memo|reply\s+to"
    r"|cover\s+letter|message\s+to|complaint)\b",
    "table": r"\btable\s+(?:that|of|with|which|comparing|to)|\bin\s+a\s+table|\btabular"
    r"|\bmarkdown\s+table",
    "json": r"\b(?:json|yaml|xml|csv)\b",
    "dialogue": r"\b(?:dialogue|conversation\s+between|script\s+for|interview\s+with"
    r"|screenplay)\b",
    "story": r"\b(?:story|tale|fable|narrative|novel|scene|chapter|fairy|fiction|anecdote)\b",
    "quiz": r"\b(?:multiple[- ]choice|quiz)\b",
    "post": r"\b(?:tweet|hashtags?|instagram|slogan|headline|caption|social\s+media\s+post)\b",
    "math": r"\b(?:compute|calculate|solve|derivative|integral|how\s+(?:much|many|far"
    r"|long|old|fast|tall)|sum|product|percent"
    r"|average|area|perimeter|volume|convert|equation|evaluate|simplify|factor"
    r"|probability|square\s+root"
    r"|degrees|prove|what\s+is\s+[\d(])\b|\d\s*[-+*/×÷^]\s*\d",
    "summary": r"\b(?:summar\w+|shorten|in\s+one\s+sentence|tl;?dr|condense"
    r"|headline\s+for|gist)\b",
    "rewrite": r"\b(?:rewrite|rephrase|paraphrase|correct|edit|proofread|reword"
    r"|in\s+the\s+style|polish|improve"
    r"|change\s+the|translate|convert)\b",
    "prose": r"\b(?:explain|describe|why|how\s+(?:do|does|did|is|are|can|would)|essay"
    r"|paragraph|discuss"
    r"|what\s+(?:are|does|is\s+an?)\b|difference"
    r"|compare|argue|review|description|article|blog|define|tell\s+me|opinion"
    r"|analy[sz]e|in\s+(?:plain|simple)\s+words)\b",
    "name": r"\b(?:who|where|which|what(?!\s+year))\b[^.\n]{0,120}\?|^\W*name\s+(?:the|a|one)\b"
    r"|\bwhat\s+is\s+the\s+(?:capital|name|largest|smallest|author)\b",
    "haiku": r"\bhaiku\b",
    "limerick": r"\blimerick\b",
    "sonnet": r"\bsonnet\b",
    "python": r"\bpython\b",
    "javascript": r"\b(?:javascript|typescript|node|react)\b",
    "sql": r"\bsql\b",
    "html": r"\bhtml\b",
    "css": r"\bcss\b",
    "bash": r"\b(?:bash|shell|terminal|command\s+line|one-liner)\b",
    "year": r"\b(?:what|which)\s+year\b|\bwhen\s+(?:did|was|were)\b",
    "symbol": r"\b(?:symbol|abbreviation|acronym|letter\s+grade|true\s+or\s+false"
    r"|yes\s+or\s+no|formula)\b",
}
_ASKED = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _ASKS.items()}
_LANGUAGE_NAMES = {
    "spanish": "es",
    "german": "de",
    "french": "fr",
    "portuguese": "pt",
    "italian": "it",
    "dutch": "nl",
    "swedish": "sv",
    "danish": "da",
    "norwegian": "da",
    "finnish": "fi",
    "polish": "pl",
    "czech": "cs",
    "turkish": "tr",
    "indonesian": "id",
    "vietnamese": "vi",
    "romanian": "ro",
    "hungarian": "hu",
    "swahili": "sw",
    "russian": "ru",
    "ukrainian": "uk",
    "bulgarian": "bg",
    "english": "en",
    "chinese": "zh",
    "mandarin": "zh",
    "japanese": "ja",
    "korean": "ko",
    "arabic": "ar",
    "hebrew": "he",
    "greek": "el",
    "hindi": "hi",
    "thai": "th",
    "latin": "la",
}
_ASKED_LANGUAGE = re.compile(
    r"\b(?:in|into|to)\s+(?:\w+\s+)?(" + "|".join(_LANGUAGE_NAMES) + r")\b", re.IGNORECASE
)
_SCRIPTS = {
    "zh": r"[\u4e00-\u9fff]",
    "ja": r"[\u3040-\u30ff]",
    "ko": r"[\uac00-\ud7af]",
    "ar": r"[\u0600-\u06ff]",
    "he": r"[\u0590-\u05ff]",
    "el": r"[\u0370-\u03ff]",
    "hi": r"[\u0900-\u097f]",
    "th": r"[\u0e00-\u0e7f]",
    "ru": r"[\u0400-\u04ff]",
    "uk": r"[\u0400-\u04ff]",
    "bg": r"[\u0400-\u04ff]",
}
_OF_SCRIPT = {name: re.compile(pattern) for name, pattern in _SCRIPTS.items()}
_ACCENTED = re.compile(r"[\u00bf\u00a1\u00df-\u00f6\u00f8-\u024f]")
_WORD = re.compile(r"[^\W\d_]+")
_CODE = re.compile(
    r"```|^\s*(?:def|class|import|from\s+\w+\s+import|function|const|let|var|public"
    r"|#include|return)\b.*[\w({;:]"
    r"|\bselect\b[^.]{1,80}?\bfrom\b\s*\w|=>|\bprint\(|\bfor\s*\("
    r"|^\s*for\s+\w+\s+in\s.*:|\w+\([^)]*\)\s*[;{]"
    r"|</?\w+>|\^\[|\[\^?\\?\w-\w|\\[wdbs][+*\\\]]|\[[^\]\s]{2,}\][+*]|^\s*assert\b"
    r"|^#!/|[)\]}];\s*$|=[^=\n]*;\s*$",
    re.IGNORECASE | re.MULTILINE,
)
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
    "bash": re.compile(
        r"```(?:ba|z)?sh|^\s*(?:\$ )?(?:cat|ls|grep|find|wc|sed|awk|echo|cd|curl|for)\s.*[-|*]",
        re.M,
    ),
}
_MARKER = re.compile(r"^\s*(?:\d{1,2}[.)]|[-*\u2022\u2013])\s+\S", re.MULTILINE)
_CHOICE = re.compile(r"^\s*\(?[A-Da-d][).]\s", re.MULTILINE)
_TIMES = re.compile(
    r"^\W*(?:\d{1,2}[:.]\d\d\b|\d{1,2}\s*(?:am|pm)\b|day\s+(?:\d|one|two|three)|morning"
    r"|afternoon|monday|tuesday)"
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
_TABLE = re.compile(r"^\s*\|.*\|", re.MULTILINE)
_JSON = re.compile(r"[\[{]\s*\"[\w ]+\"\s*:|^\s*[\[{]\s*$|<\w+>[^<]*</\w+>", re.MULTILINE)
_HASHTAG = re.compile(r"#[A-Za-z]\w+|[\U0001f300-\U0001faff]")
_EQUATION = re.compile(
    r"\d\s*(?:=|\u2248)|=\s*[-\u2212$\u00a3\u20ac]?\s*\d"
    r"|\d\s*[-+*/\u00d7\u00f7^\u00b7]\s*\d|\b[a-z]\s*=\s*[-\u2212\d]|\^\d|\u00b0"
)
_NUMBER_ONLY = re.compile(
    r"\W*(?:[a-z]\s*=\s*)?[-\u2212$\u00a3\u20ac]?\d[\d.,/ ]*\s*\S{0,4}\W*", re.IGNORECASE
)
_YEAR_ONLY = re.compile(r"\W*(?:in\s+)?(?:1\d|20)\d\d\W*", re.IGNORECASE)
_PAST = re.compile(
    r"\b(?:was|were|had|said|went|came|knew|saw|took|stood|found|told|felt|\w{3,}ed)\b",
    re.IGNORECASE,
)
_PERSON = re.compile(r"\b(?:he|she|her|his|him|they|hers)\b", re.IGNORECASE)


_FEW = 6
"""Words of an answer that may hold none of the common words of its language."""


def asked_forms(item: str) -> frozenset[str]:
    """The forms that a request asks for, by its words."""
    found = {name for name, pattern in _ASKED.items() if pattern.search(item)}
    if found & {"letter", "story", "verse", "dialogue"}:
        found -= {"math"} if not re.search(r"\d\s*[-+*/]\s*\d", item) else set()
    if found & {"verse", "code", "table", "json", "letter", "dialogue", "post", "quiz", "story"}:
        found -= {"prose", "name", "symbol"}
    return frozenset(found)


def asked_language(item: str) -> str | None:
    """The language that a request wants its answer in, None where it names none."""
    found = _ASKED_LANGUAGE.findall(item)
    return _LANGUAGE_NAMES[found[-1].casefold()] if found else None


def in_language(text: str, language: str) -> bool:
    """Whether a text may be in a language, by its letters or its common words."""
    if language in _OF_SCRIPT:
        return len(_OF_SCRIPT[language].findall(text)) > 0.3 * sum(map(str.isalpha, text))
    words = _WORD.findall(text.casefold())
    if not words or language not in COMMON:
        return False
    english = sum(word in COMMON["en"] for word in words)
    own = sum(word in COMMON[language] and word not in COMMON["en"] for word in words)
    if language == "en":
        return english >= 0.2 * len(words)
    accented = bool(_ACCENTED.search(text))
    if not own:
        return accented and not english and len(words) <= _FEW
    others = {name: sum(word in COMMON[name] for word in words) for name in COMMON}
    slack = len(words) <= _FEW
    return own + 0.5 * accented > english and others[language] + slack >= max(others.values())


def forms_of(text: str) -> frozenset[str]:
    """The forms that a text has; a plain running text has `prose` alone."""
    found = {
        name
        for name, pattern in {
            "table": _TABLE,
            "json": _JSON,
            "letter": _LETTER,
            "post": _HASHTAG,
        }.items()
        if pattern.search(text)
    }
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    words = len(_WORD.findall(text))
    of_code = {name for name, pattern in _OF_CODE.items() if pattern.search(text)}
    if (of_code or _CODE.search(text)) and "table" not in found:
        found |= {"code", *of_code}
    if len(_CHOICE.findall(text)) >= 3:
        found.add("quiz")
    elif len(_MARKER.findall(text)) >= 2:
        found.add("list")
        if words <= 3 * len(lines):
            found.add("names")
    if _TIMES.search(text):
        found.add("schedule")
    if len(_SPEAKER.findall(text)) >= 3 and "json" not in found:
        found.add("dialogue")
    if _NUMBER_ONLY.fullmatch(text) or len(_EQUATION.findall(text)) >= 1 + words // 60:
        found.add("math")
    if not found & {"code", "json", "table", "letter", "dialogue", "quiz", "list"} and _verse(
        lines
    ):
        found.add("verse")
        found |= {name for name, (least, most) in _LINES.items() if least <= len(lines) <= most}
    if words >= 20 and len(_PAST.findall(text)) >= 0.06 * words and _PERSON.search(text):
        found.add("story")
    if (
        not found & {"verse", "code", "json", "table", "dialogue", "quiz"}
        and words >= 8
        and words > 6 * len(lines)
    ):
        found.add("prose")
    if _YEAR_ONLY.fullmatch(text):
        found.add("year")
    if words and words <= 3:
        found.add("symbol" if len(text.strip()) <= 3 else "name")
    return frozenset(found)


def _verse(lines: list[str]) -> bool:
    """Short lines of about one length that are neither items, times nor pairs of name and value."""
    if len(lines) < 2:
        return False
    short = [line for line in lines if 8 <= len(line) <= 70 and not _TIMES.match(line)]
    plain = [line for line in short if not re.search(r"\d\s*[=:+]|:\s|^\W*\d", line)]
    return len(plain) >= max(2, 0.75 * len(lines)) and sum(map(len, plain)) <= 58 * len(plain)
