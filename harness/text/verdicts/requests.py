"""What an item asks for, as far as a text can show it: words, forms, a language, a result."""

import ast
import operator
import re
from collections.abc import Callable
from functools import lru_cache

import msgspec

from harness.text.verdicts.forms import asked_forms, asked_language
from harness.text.verdicts.languages import COMMON

__all__ = ["Request", "alone", "request_of", "stem_of", "stems_of"]

_WORD = re.compile(r"[^\W\d_]+|\d+(?:\.\d+)?")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+")
_REQUESTING = """
    write give list name explain describe create make tell show provide please generate compose find
    compute calculate solve translate summarise summarize rewrite following text sentence sentences
    paragraph words word short brief task answer question example examples include use using keep
    mention draft suggest convert correct fix continue choose select return returns works work well
    under between three four five two one ten first second third main new good me us whether within
"""
_REQUESTS = frozenset(_REQUESTING.split())
"""Words of asking: an answer does not hold them, or holds them by chance."""
_MATERIAL = re.compile(r":\s*(.{40,})|[\"'\u201c\u2018](.{40,})[\"'\u201d\u2019]", re.DOTALL)
_SUM = re.compile(r"\d[\d.]*(?:\s*[-+*/\u00d7\u00f7^x]\s*\d[\d.]*)+")
_EXPRESSION = re.compile(r"(?:\d*[a-z]\^?\d*|\d+)(?:\s*[-+*/=^]\s*(?:\d*[a-z]\^?\d*|\d+))+")
_SHARE_OF = re.compile(r"(\d+(?:\.\d+)?)\s*(?:%|percent|per\s+cent)\s+of\s+(\d+(?:\.\d+)?)")
_SIGNS = str.maketrans({"\u00d7": "*", "x": "*", "\u00f7": "/", "^": "^"})
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a text can show of a request.

    `stems` of its words; `forms` and `language` that it asks for; `results` of the sums in it;
    `expressions` without blanks; `material`: words of a text that it brings, 0 where it has none.
    """

    stems: frozenset[str]
    forms: frozenset[str]
    language: str | None
    results: frozenset[str]
    expressions: frozenset[str]
    material: int


@lru_cache(maxsize=4096)
def request_of(item: str) -> Request:
    """What an item asks for."""
    brought = [len((one or other).split()) for one, other in _MATERIAL.findall(item)]
    results = [_result(found) for found in _SUM.findall(item)]
    results += [_result(f"{share}*{whole}/100") for share, whole in _SHARE_OF.findall(item)]
    return Request(
        stems=stems_of(item) - _REQUEST_STEMS,
        forms=asked_forms(item),
        language=asked_language(item),
        results=frozenset(result for result in results if result is not None),
        expressions=frozenset(
            found.replace(" ", "") for found in _EXPRESSION.findall(item) if len(found) > 3
        ),
        material=max(brought, default=0),
    )


@lru_cache(maxsize=4096)
def alone(item: Request, other: Request) -> frozenset[str]:
    """Stems of one item that the other has not."""
    return item.stems - other.stems


@lru_cache(maxsize=64)
def stems_of(text: str) -> frozenset[str]:
    """Stems of the words of a text that carry content; of Chinese and Japanese, pairs of signs."""
    found = {
        stem_of(word)
        for word in _WORD.findall(_CAMEL.sub(" ", text).casefold())
        if word not in COMMON["en"] and (len(word) > 2 or word.isdigit())
    }
    for run in _HAN.findall(text):
        found |= {run[at : at + 2] for at in range(len(run) - 1)}
    return frozenset(found)


@lru_cache(maxsize=50_000)
def stem_of(word: str) -> str:
    """The stem of a word in small letters."""
    if len(word) > 4 and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) >= len(ending) + 4:
            word = word[: -len(ending)]
            # swimm(ing), stopp(ed); not fill(ing).
            if word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    return word.removesuffix("e")[:5] if len(word) > 3 else word


_REQUEST_STEMS = frozenset(stem_of(word) for word in _REQUESTS)


def _result(expression: str) -> str | None:
    """The value of a sum of whole and decimal numbers as digits, None where it is not one."""
    try:
        tree = ast.parse(expression.translate(_SIGNS).strip(" .-+*/"), mode="eval")
        value = _valued(tree.body)
    except (SyntaxError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return f"{value:.10g}"


def _valued(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_valued(node.left), _valued(node.right))
    raise ValueError("not a sum")
