"""What counts as giving a label: a whole text, a leading line, or a mention.

Everything is anchored: no function finds a label "somewhere" and takes it for the answer.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from harness.prompts.normal import plain_digits, spelling
from harness.prompts.template import Kind
from harness.text.wrapping import unwrapped

__all__ = ["Scale", "scale_of"]

_WRAPPED = re.compile(r"<(\w+)>\s*([^<>]*?)\s*</\1>")
_RESCALED = re.compile(r"[\s(\[,]*(?:/|out\s+of|on\s+a\s+scale)\s*\w", re.IGNORECASE)
_LONG_SCALE = 12
_PERCENT = re.compile(r"(?P<label>\d+(?:\.\d+)?)\s*(?:%|per\s?cent\b)", re.IGNORECASE)
_HUNDRED = 100.0
"""Only on a scale that ends here is a share in per cent a label."""
_NUMBER = r"-?\d+(?:\.\d+)?"
_NUMBERS = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?")
_NOUNS = r"(?:task|option|answer|choice|label|number)"
_NAMED = re.compile(
    r"(?:(?:my|the|your|final|overall|chosen|selected|preferred)\s+){0,3}"
    r"(?:rating|answer|choice|score|label|preference|selection|response"
    r"|(?:(?<=chosen\s)|(?<=selected\s)|(?<=preferred\s))(?:option|task))"
    r"(?:\s+for\s+(?:this|the)\s+task)?(?:\s+(?:is|would\s+be))?(?:\s*[:=\u2192]\s*|\s+)"
    r"(?P<label>.+)",
    re.IGNORECASE | re.DOTALL,
)
_HEADING = re.compile(
    r"[#>\s]*(?:(?:my|the|your|final|overall)\s+){0,3}"
    r"(?:rating|answer|choice|score|label|preference|selection|response)\s*[:=]?\s*",
    re.IGNORECASE,
)
_CHOSEN = re.compile(
    r"i(?:'d|'ll|\s+would|\s+will)?(?:\s+rather)?\s+"
    r"(?:choose|chose|pick|picked|select|selected|prefer|preferred|enjoy|enjoyed|do|go\s+with)"
    r"(?:\s+to\s+(?:do|complete)|\s+doing|\s+completing)?(?P<label>\s.+?)"
    r"(?:\s+(?:the\s+)?(?:most|more|again|better))?[.!\s]*",
    re.IGNORECASE,
)
_ORDINAL = re.compile(r"(?P<label>\d+)(?:st|nd|rd|th)(?:\s+(?:percentile|place))?", re.IGNORECASE)
_FRACTION = re.compile(rf"(?P<label>{_NUMBER})\s*\(?(?:/|out\s+of)\s*(?P<of>\d+)", re.IGNORECASE)
_OF = re.compile(r"\s*(?:/|out\s+of)\s*(\d+)(?![\d.]*\d)", re.IGNORECASE)
_AFTER_WORD = re.compile(r"\s*[.:,;)=(\-]+(?:\s|$)")
_AFTER_NUMBER = re.compile(r"\s*[:,=]\s|\s+[-=(]\s*(?=[^\d\s])")


@dataclass(frozen=True)
class Scale:
    """The labels that may answer a question, and how their spellings are read.

    `labels` are allowed, `banned` recognised but not allowed.
    """

    labels: tuple[str, ...]
    banned: tuple[str, ...]
    kind: Kind

    @cached_property
    def numeric(self) -> bool:
        """Whether every label is a number."""
        return all(re.fullmatch(_NUMBER, spelling(label)) for label in self._all)

    def exact(self, text: str) -> str | None:
        """The label that `text` is, apart from case, quotes, Markdown and punctuation."""
        if len(text) > 200:
            return None
        spelt = spelling(text)
        known = self._spellings.get(spelt)
        if known is None and self.numeric:
            percent = _PERCENT.fullmatch(spelt) if max(self._values) == _HUNDRED else None
            number = spelt if percent is None else percent.group("label")
            known = self._values.get(float(number)) if re.fullmatch(_NUMBER, number) else None
        return known

    def whole(self, text: str) -> str | None:
        """The label that `text` as a whole gives: exactly, or in one of a few fixed phrases."""
        if len(text) > 200:
            return None
        if (label := self.exact(text)) is not None:
            return label
        bare = plain_digits(unwrapped(text)).strip()
        if (wrapped := _WRAPPED.fullmatch(bare)) is not None:
            return self.whole(wrapped.group(2))
        if (named := _NAMED.fullmatch(bare)) is not None:
            bare = named.group("label")
        elif self.kind == "choice" and (chosen := _CHOSEN.fullmatch(bare)) is not None:
            bare = chosen.group("label")
        return self.exact(bare) or self._worded(bare)

    def leading(self, line: str) -> tuple[str, str] | None:
        """Label at the start of `line` set off by punctuation, and what follows it.

        A number followed by a full stop or a bracket starts a list rather than an answer.
        """
        bare = plain_digits(unwrapped(line)).strip()
        found = self._leading.match(bare)
        if found is None and (named := _NAMED.fullmatch(bare)) is not None:
            bare = named.group("label")
            found = self._leading.match(bare)
        if found is None:
            return None
        label = self.exact(found.group("label"))
        numeric = re.fullmatch(_NUMBER, spelling(found.group("label"))) is not None
        rest = bare[found.end() :]
        if numeric and (scale := self._own_scale(rest)) is not None:
            rest = rest[scale:]
        after = (_AFTER_NUMBER if numeric else _AFTER_WORD).match(rest)
        if label is None or after is None:
            return None
        return label, rest[after.end() - 1 :]

    def heading(self, line: str) -> bool:
        """Whether `line` only announces an answer: "**Rating:**"."""
        return _HEADING.fullmatch(unwrapped(line)) is not None

    def rescaled(self, rest: str) -> bool:
        """Whether what follows a number puts it on a scale of its own: "4" then "out of 10"."""
        return self.numeric and _RESCALED.match(rest) is not None

    def closing(self, text: str) -> bool:
        """Whether the last line of `text`, or its last sentence, gives a label."""
        line = text.strip().rpartition("\n")[2]
        sentence = re.split(r"[.!?:,]\s", line.rstrip(" .!"))[-1]
        return self.whole(line) is not None or self.whole(sentence) is not None

    def mentioned(self, text: str) -> frozenset[str]:
        """Every label that `text` mentions in a form that looks like a label."""
        bare = plain_digits(unwrapped(text))
        if self.numeric:
            found = {self._values.get(float(number)) for number in _NUMBERS.findall(bare)}
        else:
            found = {
                self.exact(match[match.lastgroup or 0]) for match in self._mention.finditer(bare)
            }
        return frozenset(label for label in found if label is not None)

    def off_scale(self, text: str) -> bool:
        """Whether the scale is numeric and `text` holds a number that is not on it."""
        if not self.numeric:
            return False
        numbers = _NUMBERS.findall(plain_digits(text))
        return any(float(number) not in self._values for number in numbers)

    def _own_scale(self, rest: str) -> int | None:
        """Where "/5" or "%" ends, that follows a number and is this scale's own."""
        top = max(self._values, default=0.0)
        sign = _OF.match(rest)
        if sign is not None and float(sign.group(1)) == top:
            return sign.end()
        percent = re.match(r"\s*(?:%|per\s?cent\b)", rest) if top == _HUNDRED else None
        return None if percent is None else percent.end()

    @property
    def _all(self) -> tuple[str, ...]:
        return self.labels + self.banned

    @cached_property
    def _spellings(self) -> dict[str, str]:
        spelt = {spelling(label): label for label in self._all}
        prefix = _shared_words(spelt)
        short = {known[len(prefix) :]: label for known, label in spelt.items()}
        return {**short, **spelt}

    @cached_property
    def _values(self) -> dict[float, str]:
        return {float(spelling(label)): label for label in self._all} if self.numeric else {}

    @cached_property
    def _leading(self) -> re.Pattern[str]:
        words = _alternatives(self._spellings)
        return re.compile(rf"[\"'(\[]?(?:{_NOUNS}\s+)?(?P<label>{words})(?!\w)", re.IGNORECASE)

    @cached_property
    def _mention(self) -> re.Pattern[str]:
        """Words of three letters stand anywhere, capitals inside a sentence (where "A" is no
        article, so that both labels are seen alike), what else is short where it must be a label.
        """
        long = _alternatives(label for label in self._spellings if len(label) > 2)
        short = _alternatives(
            form
            for label in self._spellings
            if len(label) <= 2
            for form in {label, label.upper()} - ({"a"} if label == "a" else set())
        )
        capitals = _alternatives(
            label.upper()
            for label in self._spellings
            if len(label) == 1 and label.isalpha() and label != "i"
        )
        before = rf"(?<!\w)(?i:{_NOUNS}|or|and|than|over|not)[\s\"'(:]+"
        closed = r"(?=[\"')\]]*(?:[.,:;!?)/]|\s*$|\s+(?i:or|and|than|over)\b))"
        return re.compile(
            rf"(?:(?<!\w)(?i:(?P<label>{long}))(?!\w))"
            rf"|(?:(?:{before})(?P<named>{short})(?!\w))"
            rf"|(?:(?<!\w)(?P<closed>{short}){closed})"
            rf"|(?:(?:(?<=[a-z0-9,;]\s)|(?<=[(\[]))(?P<capital>{capitals})(?![\w'’]))",
            re.MULTILINE,
        )

    def _worded(self, bare: str) -> str | None:
        """A noun before the label ("Task A"), or a number with its scale ("4/5", "75th")."""
        noun = re.fullmatch(rf"\s*(?:the\s+)?{_NOUNS}\s+(.+)", bare, re.IGNORECASE)
        if noun is not None:
            return self.exact(noun.group(1))
        if not self.numeric:
            return None
        tidy = spelling(bare)
        if (fraction := _FRACTION.fullmatch(tidy)) is not None:
            of_this_scale = float(fraction.group("of")) == max(self._values)
            return self.exact(fraction.group("label")) if of_this_scale else None
        ordinal = _ORDINAL.fullmatch(tidy) if len(self.labels) > _LONG_SCALE else None
        return self.exact(ordinal.group("label")) if ordinal else None


@lru_cache(maxsize=256)
def scale_of(labels: tuple[str, ...], banned: tuple[str, ...], kind: Kind) -> Scale:
    """The scale for these labels; kept, since its patterns are compiled once."""
    return Scale(labels, banned, kind)


def _alternatives(labels: Iterable[str]) -> str:
    found = sorted(set(labels), key=len, reverse=True)
    return "|".join(re.escape(label) for label in found) or r"(?!)"


def _shared_words(labels: Iterable[str]) -> str:
    """The words that all labels begin with and go on after: 'task ' of 'task a', 'task b'."""
    split = [label.split(" ") for label in labels]
    shared = 0
    while (
        all(len(words) > shared + 1 for words in split)
        and len({words[shared] for words in split}) == 1
    ):
        shared += 1
    return "".join(f"{word} " for word in split[0][:shared])
