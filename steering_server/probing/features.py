"""What a text shows without a model: features that a probe has to beat."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from harness.errors import UsageError
from steering_server.probing.ridge import Array

__all__ = ["encoded", "surface", "words"]

_WORD = re.compile(r"\w+")
_MARKS = ("?", "!", ",", ".", ":", "\n", '"', "(", "$", "\\", "`", "=", "- ")
_MOST_WORDS = 5000
"""Words in most texts are kept first; further ones are in so few that no fold can learn them."""


def surface(texts: Sequence[str], tokens: Array) -> Array:
    """Length and surface [texts, features], each of unit spread: tokens, characters and words
    (plain and logarithms), word length, shares of digits, capitals, spaces and other alphabets, and
    counts of marks."""
    rows = []
    for text, count in zip(texts, tokens, strict=True):
        found = _WORD.findall(text)
        sizes = [float(count), float(len(text)), float(len(found))]
        length = max(len(text), 1)
        kinds = (str.isdigit, str.isupper, str.isspace, lambda one: ord(one) > 127)
        shares = [sum(map(kind, text)) / length for kind in kinds]
        marks = [float(np.log1p(text.count(mark))) for mark in _MARKS]
        mean = len("".join(found)) / max(len(found), 1)
        rows.append([*sizes, *map(float, np.log1p(sizes)), mean, *shares, *marks])
    return _scaled(np.array(rows))


def words(texts: Sequence[str]) -> Array:
    """Bag of words [texts, words]: lower-cased, those in at least two texts, (1 + log count) ×
    log (texts / texts with it), each text of unit length."""
    counts = [Counter(_WORD.findall(text.lower())) for text in texts]
    spread = Counter(word for one in counts for word in one)
    kept = [word for word, number in spread.most_common(_MOST_WORDS) if number > 1]
    if not kept:
        return np.zeros((len(texts), 1))
    at = {word: index for index, word in enumerate(kept)}
    table = np.zeros((len(texts), len(kept)))
    for row, one in enumerate(counts):
        for word, number in one.items():
            if word in at:
                table[row, at[word]] = 1 + np.log(number)
    table *= np.log(len(texts) / np.array([spread[word] for word in kept]))
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
    return table


def encoded(texts: Sequence[str], source: str, *, batch: int = 16) -> Array:
    """Mean of a text encoder's last hidden states [texts, width], each feature of unit spread.
    `source` is a folder or a hub id. UsageError where it cannot be loaded."""
    from transformers import AutoModel, AutoTokenizer

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(source)
        model: Any = AutoModel.from_pretrained(source).eval()
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UsageError(f"cannot load the text encoder {source!r}: {reason}") from error
    parts = []
    for at in range(0, len(texts), batch):
        given = tokenizer(
            list(texts[at : at + batch]), return_tensors="pt", padding=True, truncation=True
        )
        with torch.inference_mode():
            hidden = model(**given).last_hidden_state.float()
        mask = given["attention_mask"][:, :, None].float()
        parts.append(((hidden * mask).sum(1) / mask.sum(1)).numpy())
    return _scaled(np.concatenate(parts).astype(np.float64))


def _scaled(table: Array) -> Array:
    spread = table.std(axis=0)
    scaled: Array = (table - table.mean(axis=0)) / np.where(spread > 1e-12, spread, 1.0)
    return scaled
