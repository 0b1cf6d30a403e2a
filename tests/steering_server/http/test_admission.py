"""Who may ask a server that has no key: this machine's own programs, and no web page."""

import pytest

CHAT = "/v1/chat/completions"


def ask(client, method, path, headers):
    body = {"json": client.body(max_tokens=1)} if method == "POST" else {}
    return client.http.request(method, path, headers=headers, **body)


WAYS = [("GET", "/v1/models"), ("GET", "/v1/vectors"), ("GET", "/health"), ("POST", CHAT)]


@pytest.mark.parametrize(("method", "path"), WAYS)
@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "",
     "127.0.0.1@evil.example", "8.8.8.8", "0.0.0.0", "[::2]:80", "localhost:x", "[::1"],
)  # fmt: skip
def test_another_host_is_403(client, method, path, host):
    """A name that a page's own server can point at 127.0.0.1 is not answered."""
    refused = ask(client, method, path, {"Host": host})
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "host_not_allowed"


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1:8000", "127.0.0.9", "[::1]", "[::1]:8000"]
)
def test_a_loopback_host_is_answered(client, host):
    """By any port: a tunnel has one of its own."""
    for method, path in WAYS:
        assert ask(client, method, path, {"Host": host}).status_code == 200


@pytest.mark.parametrize(("method", "path"), WAYS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_origin_is_403(client, method, path, headers):
    """Whatever a page of another origin sends."""
    refused = ask(client, method, path, headers)
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "origin_not_allowed"


def test_the_own_origin_is_answered(client):
    """A page that the server's own address has opened."""
    headers = {"Origin": client.server.url, "Sec-Fetch-Site": "same-origin"}
    assert ask(client, "POST", CHAT, headers).status_code == 200


@pytest.mark.parametrize("path", [CHAT, "/v1/vectors"])
@pytest.mark.parametrize(
    "kind",
    [None, "text/plain", "text/plain;application/json", "application/x-www-form-urlencoded",
     "multipart/form-data; boundary=x", "application/json; charset=utf-16", "application/jsonx"],
)  # fmt: skip
def test_a_body_that_is_not_said_to_be_json_is_415(client, path, kind):
    """What a page may send without asking first is not read."""
    headers = {} if kind is None else {"Content-Type": kind}
    refused = client.http.post(path, content=b'{"model": "tiny"}', headers=headers)
    assert refused.status_code == 415
    assert refused.json()["error"]["code"] == "unsupported_media_type"


def test_json_in_utf8_is_read(client):
    """With its charset named or not."""
    import json

    for kind in ("application/json", "Application/JSON; charset=UTF-8"):
        body = json.dumps(client.body(max_tokens=1)).encode()
        answered = client.http.post(CHAT, content=body, headers={"Content-Type": kind})
        assert answered.status_code == 200


def test_where_there_is_a_key_any_name_will_do(serve_tiny):
    """The key is what a page does not have; its pages' requests are still refused."""
    client, _ = serve_tiny(key="secret-1")
    key = {"Authorization": "Bearer secret-1", "Host": "steering.example"}
    assert ask(client, "POST", CHAT, key).status_code == 200
    assert ask(client, "POST", CHAT, {"Host": "steering.example"}).status_code == 401
    assert ask(client, "POST", CHAT, key | {"Origin": "https://evil.example"}).status_code == 403
