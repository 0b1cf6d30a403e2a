"""Keys that an endpoint repeats: replaced wherever its words go."""

import base64
import contextlib
import json
import re
from urllib.parse import quote

import msgspec

from harness.models.json_text import loose_json

__all__ = ["LEAST", "Keys"]

LEAST = 8
"""Characters of a key. Shorter ones ("EMPTY", "x", as local servers are given) keep no secret, and
replacing them would eat into answers."""
_GONE = b"[key]"
_START = 6


class Keys:
    """Replaces some keys by `[key]`: as they are, in any case, and as URLs, JSON and base64 spell
    them. Without a key of `LEAST` characters every text stays as it is."""

    def __init__(self, *keys: str | None) -> None:
        forms = {form for key in keys if key and len(key) >= LEAST for form in _forms(key)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._starts = {form[:_START].lower() for form in forms}
        self._pattern = re.compile(b"|".join(map(re.escape, longest_first)), re.IGNORECASE)

    def body(self, data: bytes) -> bytes:
        """A JSON body, also where it spells single characters as `\\u002d`."""
        if self._starts and b"\\u00" in data:
            with contextlib.suppress(ValueError, TypeError):
                data = msgspec.json.encode(loose_json(data))
        return self.bytes(data)

    def bytes(self, data: bytes) -> bytes:
        """Any bytes."""
        lower = data.lower()
        # Nearly no reply holds a key: look for its first characters before anything dearer.
        if not any(start in lower for start in self._starts):
            return data
        return self._pattern.sub(_GONE, data)

    def text(self, text: str) -> str:
        """Any text."""
        data = text.encode("utf-8", "surrogatepass")
        return self.bytes(data).decode("utf-8", "surrogatepass")


def _forms(key: str) -> set[bytes]:
    plain = key.encode("utf-8", "surrogatepass")
    encoded = {base64.b64encode(told) for told in (plain, b"Bearer " + plain)}
    return {
        plain,
        quote(plain, safe="").encode(),
        quote(plain, safe="/:").encode(),
        json.dumps(key)[1:-1].encode(),
        # The last group of four also holds what follows.
        *(form.rstrip(b"=")[: len(form) - len(form) % 4 - 4] for form in encoded),
    }
