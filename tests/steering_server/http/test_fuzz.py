"""The server against requests drawn from its own OpenAPI file, and against damaged ones."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CHAT, VECTORS = "/v1/chat/completions", "/v1/vectors"
JSON = {"Content-Type": "application/json"}


def test_no_request_is_500_and_no_memory_stays():
    """A short run of the check; the long one is in CI."""
    command = [sys.executable, str(ROOT / "scripts" / "checks" / "server_fuzz.py")]
    done = subprocess.run(
        [*command, "--requests", "200", "--seed", "1"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


def stored(header: bytes) -> bytes:
    """A body that registers a vector file with this header."""
    import base64

    data = base64.b64encode(len(header).to_bytes(8, "little") + header)
    return b'{"name": "a", "data": "' + data + b'"}'


BROKEN = {
    "not UTF-8": (CHAT, b'{"model": "\xff\xfe"}'),
    "a surrogate in UTF-8": (CHAT, b'{"model": "\xed\xa0\x80"}'),
    "a lone surrogate": (CHAT, b'{"model": "\\ud800"}'),
    "deep": (CHAT, b'{"model":' + b"[" * 100_000),
    "digits": (CHAT, b'{"seed":' + b"9" * 5000 + b"}"),
    "not UTF-8, vector": (VECTORS, b'{"name": "\xff"}'),
    "deep header": (VECTORS, stored(b"[" * 100_000)),
    "a list for a header": (VECTORS, stored(b"[]")),
    "a number for metadata": (VECTORS, stored(b'{"__metadata__": 1}')),
    "a number for our metadata": (VECTORS, stored(b'{"__metadata__": {"penchant": 1}}')),
}


@pytest.mark.parametrize(("path", "body"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_read_is_400(client, path, body):
    """Bytes that are no text, no JSON or no vector file: one line, in OpenAI's form."""
    refused = client.http.post(path, content=body, headers=JSON)
    assert refused.status_code == 400
    assert "\n" not in refused.json()["error"]["message"]


@pytest.mark.parametrize("twice", ["coef", "name", "positions"])
def test_a_field_given_twice_anywhere_is_refused(client, twice):
    """Of two coefficients one would be lost."""
    import json

    vector = {"name": "plain", "coef": 0.5, "positions": "all"}
    body = json.dumps(client.body(steering={"vectors": [vector]}))
    first = f'"{twice}": {json.dumps(vector[twice])}'
    doubled = body.replace(first, f"{first}, {first}")
    refused = client.http.post(CHAT, content=doubled.encode(), headers=JSON)
    assert refused.status_code == 400 and twice in refused.json()["error"]["message"]


def test_the_smallest_temperature_is_greedy(client):
    """A logit divided by next to nothing is still the largest."""
    greedy = client.chat(temperature=0).json()["choices"][0]["message"]
    assert client.chat(temperature=1e-320, seed=1).json()["choices"][0]["message"] == greedy


def test_the_file_says_what_the_server_takes(client):
    """Every field of a request, and every route, stands in the OpenAPI file."""
    from steering_server.model.neutral import LABELS, NEUTRAL, NEUTRAL_TURN
    from steering_server.model.requests import ChatRequest

    document = client.http.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    fields = schemas["ChatRequest"]["properties"]
    honoured = set(ChatRequest.__struct_fields__)
    assert set(fields) == {*honoured, *NEUTRAL, *LABELS}
    turn = schemas["Message"]["properties"]
    for name, values in (NEUTRAL | NEUTRAL_TURN).items():
        if name in honoured:
            continue
        allowed = (fields if name in NEUTRAL else turn)[name]["enum"]
        assert [one for one in allowed if one not in values] == [None]
        assert all(one in allowed for one in values)
    for path, item in document["paths"].items():
        for method in item:
            status = client.http.request(method.upper(), path, json={}).status_code
            assert str(status) in item[method]["responses"], (path, method, status)
    assert client.http.get("/nothing").json()["error"]["code"] == "not_found"
