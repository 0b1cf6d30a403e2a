"""What a piece of code does, in the words of a request: `LIMIT 5` is "the highest", `[::-1]` is
"reverse". Code seldom holds the words that asked for it."""

import re

__all__ = ["idioms_of"]

_IDIOMS = {
    "highest top most largest maximum best": r"\border\s+by\b.{0,200}\blimit\b|\bmax\("
    r"|\blimit\s+\d|most_common|reverse=true",
    "lowest smallest minimum least": r"\bmin\(",
    "never without missing no not": r"\bis\s+null\b|\bnot\s+in\s*\("
    r"|\bnot\s+exists\b|\bexcept\s+select\b",
    "total sum": r"\bsum\(|\+=\s*\w|\breduce\(",
    "count number frequent": r"\bcount\(|\bcounter\(|\.count\b|\blen\(|\.length\b|\bsize\(\)",
    "frequent common": r"most_common|\bcounter\(|key=\w+\.count",
    "average mean": r"\bavg\(|\bmean\(|/\s*len\(|/\s*\w+\.length",
    "median middle": r"//\s*2\b|\bmedian\(",
    "reverse reversed palindrome": r"\[::-1\]|\breversed?\(",
    "sort sorted order": r"\bsorted\(|\.sort\(|\border\s+by\b",
    "unique duplicate distinct": r"\bset\(|\bdistinct\b|\bnew\s+set\b|\bseen\b",
    "even odd divisible divisor prime": r"%\s*\w",
    "file read open": r"\bopen\(|readlines?|readfile|\bcat\s",
    "random shuffle": r"\brandom\b|\bshuffle\(|\brand\(",
    "letter vowel character": r"aeiou|\.split\(''\)|\[\.\.\.",
    "word words": r"\.split\(\s*(?:' ')?\)",
    "upper uppercase capital": r"\.upper\(|touppercase|\.title\(|\.capitalize\(",
    "lower lowercase": r"tolowercase",
    "recursive factorial fibonacci": r"\bfib\w*\(|\bfact\w*\(",
    "date day today time": r"\bdatetime\b|new\s+date\(|\bdate\(|\bnow\(",
    "group per each": r"\bgroup\s+by\b",
    "join combine merge": r"\bjoin\b|\bconcat\(|\bmerge\(",
    "delete remove": r"\bdelete\b|\.remove\(|\bpop\(|\brm\s",
    "email mail validate valid": r"@\S*\\\.|\[\^@",
}
_COMPILED = {
    frozenset(words.split()): re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for words, pattern in _IDIOMS.items()
}


def idioms_of(code: str) -> frozenset[str]:
    """Words that a request for such code may hold."""
    found = (words for words, pattern in _COMPILED.items() if pattern.search(code))
    return frozenset().union(*found)
