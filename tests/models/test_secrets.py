"""Keys that an endpoint repeats."""

import base64
import json
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.models.secrets import LEAST, Keys

KEY = "sk-Ab/9+x=canary-7f3a"
ESCAPED = json.dumps({"a": KEY}).replace("-", "\\u002d").replace("k", "\\u006b")
SPELT = {
    "as it is": KEY,
    "in another case": KEY.upper(),
    "in a header's value": f"Bearer {KEY}",
    "percent-encoded": quote(KEY, safe=""),
    "percent-encoded, slashes kept": quote(KEY),
    "percent-encoded in small letters": quote(KEY, safe="").lower(),
    "twice": f"{KEY},{KEY}",
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 of a header": base64.b64encode(f"Bearer {KEY}".encode()).decode(),
}


@pytest.mark.parametrize("name", SPELT)
def test_a_key_is_replaced_however_it_is_spelt(name: str) -> None:
    """What stands around it stays, and nothing of the key does but a last group of base64."""
    found = Keys(None, KEY).text(f"before {SPELT[name]} after")
    assert found.startswith("before ") and found.endswith(" after")
    assert "[key]" in found
    assert len(found) <= len("before Bearer [key],[key]==== after") + 4
    assert "canary" not in found.lower()


def test_a_body_may_spell_single_characters() -> None:
    """JSON's own escapes hide nothing, and the rest of the body is the same."""
    body = f'{{"text":{ESCAPED},"n":[1,2.5,null,"é"]}}'.encode()
    assert "canary" in json.loads(body)["text"]["a"]
    assert msgspec.json.decode(Keys(KEY).body(body)) == {
        "text": {"a": "[key]"},
        "n": [1, 2.5, None, "é"],
    }


@given(st.text(), st.sampled_from(["", "x", "EMPTY", "k" * (LEAST - 1)]))
def test_texts_without_a_key_stay_as_they_are(text: str, short: str) -> None:
    """Also surrogates and bytes that are no text; and a key that keeps no secret eats nothing."""
    keys = Keys(KEY, short, None)
    assert keys.text(text + short) == text + short
    assert keys.bytes(b"\xff\x00" + short.encode()) == b"\xff\x00" + short.encode()
    assert Keys(short).body(b'{"a":"\\u0041"}') == b'{"a":"\\u0041"}'


@given(st.text(alphabet=st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=LEAST))
def test_any_key_is_replaced(key: str) -> None:
    """Whatever signs it has, those of patterns included."""
    assert Keys(key).text(f"<{key}>") == "<[key]>"
