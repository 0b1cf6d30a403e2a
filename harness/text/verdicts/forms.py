"""What a request asks for by its words: a form (code, verse, a list, a letter), a language."""

import re

from harness.text.verdicts.languages import COMMON

__all__ = ["asked_forms", "asked_language", "in_language", "nearer_language"]

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
    r"|\blist\b|\btips\b|\bsteps\b|\bingredients\b|\brecipe\b|\bideas\b|\bexamples\b"
    r"|\bpacking\b|\b(?:rank|sort|order)\b|\brules\b|\bchecklist\b|\bmenu\b",
    "schedule": r"\b(?:schedule|itinerary|agenda|timetable|plan\s+for|day\s+plan"
    r"|meal\s+plan|\w+-day|day\s+by\s+day|hour\s+by\s+hour|each\s+day|weekly)\b",
    "letter": r"\b(?:postcard|letter|e-?mails?(?!\s+address)|invitation|memo|reply\s+to"
    r"|cover\s+letter|message\s+to|complaint)\b",
    "table": r"\btable\s+(?:that|of|with|which|comparing|to)|\bin\s+a\s+table|\btabular"
    r"|\bmarkdown\s+table",
    "json": r"\b(?:json|yaml|xml|csv)\b",
    "dialogue": r"\b(?:dialogue|conversation\s+between|script\s+for|interview\s+with"
    r"|screenplay)\b",
    "story": r"\b(?:story|tale|fable|narrative|novel|scene|chapter|fairy"
    r"|fiction|anecdote|diary|memoir|legend)\b|^\W*continue\b|\bwhat\s+happens\s+next\b",
    "short": r"\b(?:slogan|headline|title|caption|tagline|pun|password|nickname|motto)\b"
    r"|\bone\s+word\b|\b(?:a|the)\s+(?:single\s+)?(?:word|name|synonym|antonym)\b",
    "steps": r"\bhow\s+(?:do|can|should|would)\s+(?:i|you|we|one)\b|\bhow\s+to\b|\bsteps?\b"
    r"|\binstructions?\b|\badvice\b|\badvise\b|\btips?\b|\brecipe\b|\bguide\b|\btutorial\b"
    r"|\brules\b",
    "unknown": r"\bsolve\b|\bsolutions?\s+of\b|\broots?\s+of\b|\bequations?\b"
    r"|\b[a-z]\s*(?:\^\s*\d)?\s*[-+=]\s*\d",
    "duration": r"\bhow\s+long\b|\bhow\s+much\s+time\b"
    r"|\bhow\s+many\s+(?:seconds|minutes|hours|days|weeks|months|years)\b",
    "proper": r"\b(?:countr(?:y|ies)|cit(?:y|ies)|capitals?|states|rivers?|mountains?|lakes?"
    r"|islands?|planets?|authors?|writers?|books?|novels?|films?|movies?|songs?|albums?"
    r"|painters?|artists?|scientists?|composers?|presidents?|languages?|compan(?:y|ies)"
    r"|brands?|philosophers?|inventors?|actors?|bands?|museums?|continents?|oceans?)\b",
    "common": r"\b(?:instruments?|fruits?|vegetables?|colou?rs?|animals?|birds?|insects?|tools?"
    r"|spices?|herbs?|flowers?|trees?|materials?|metals?|sports?|hobbies|activities|adjectives?"
    r"|verbs?|nouns?|words?|synonyms?|antonyms?|ingredients?|shapes?|emotions?|drinks?|dishes"
    r"|clothes|vehicles?|professions?|jobs?|organs?|gases)\b",
    "person": r"\bwho\b(?!\s+(?:is|are|has|have|wants?|needs?|can|turns)\b)|\bwhose\b"
    r"|\b(?:name|which|what)\s+(?:the\s+|a\s+|an\s+)?(?:\w+\s+)?"
    r"(?:scientist|author|writer|painter|artist"
    r"|composer|inventor|president|king|queen|emperor|philosopher|poet|explorer|actor|director"
    r"|singer|mathematician|physicist|chemist|astronaut)\b",
    "roman": r"\broman\s+numerals?\b",
    "quiz": r"\bmultiple[- ]choice\b",
    "questions": r"\bquiz\b|\bquestions\b",
    "post": r"\b(?:tweet|hashtags?|instagram|slogan|headline|caption|social\s+media\s+post)\b",
    "math": r"\b(?:compute|calculate|solve|derivative|integral|how\s+(?:much|many|far"
    r"|long|old|fast|tall)|sum|product|percent"
    r"|average|\d\s*%\s+of|area|perimeter|volume|convert\s+\d|equation|evaluate|simplify|factor"
    r"|probability|square\s+root"
    r"|degrees|prove|what\s+is\s+[\d(])\b|\d\s*[-+*/×÷^]\s*\d",
    "summary": r"\b(?:summar\w+|shorten|in\s+one\s+sentence|tl;?dr|condense"
    r"|headline\s+for|gist)\b",
    "rewrite": r"\b(?:rewrite|rephrase|paraphrase|correct|edit|proofread|reword"
    r"|in\s+the\s+style|polish|improve"
    r"|change\s+the|translate|convert)\b",
    "prose": r"\b(?:find\s+the\s+(?:mistake|error|flaw)|explain|describe|why"
    r"|how\s+(?:do|does|did|is|are|can|would)|essay"
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
    "rust": r"\brust\b",
    "java": r"\bjava\b",
    "cpp": r"\bc\+\+",
    "go": r"\b(?:golang|in\s+go)\b",
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
_ABOUT_LANGUAGE = re.compile(
    r"\b(?:difference|means?|meaning|grammar|pronounc\w+|verbs?|nouns?|tenses?|conjugat\w+|speakers)\b",
    re.IGNORECASE,
)
_INTO = re.compile(r"\btranslat\w+|\binto\s", re.IGNORECASE)
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
    if _ABOUT_LANGUAGE.search(item) and not _INTO.search(item):
        return None
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


def nearer_language(text: str, one: str, other: str) -> str | None:
    """Which of two languages more of a text's common words belong to; None where neither leads.

    A word counts for less the more languages have it.
    """
    found = dict.fromkeys((one, other), 0.0)
    for word in _WORD.findall(text.casefold()):
        having = [name for name in COMMON if word in COMMON[name]]
        for name in found:
            found[name] += (name in having) / max(1, len(having))
    if found[one] == found[other]:
        return None
    return one if found[one] > found[other] else other
