"""Connections, requests and engines that stop halfway: each ends, and says so."""

import socket
import threading

import pytest

HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
)


def received(client, *pieces):
    """All that the server sends, until it closes, to one who sends `pieces` and then nothing."""
    port = int(client.server.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for piece in pieces:
            connection.sendall(piece)
        told = b""
        while part := connection.recv(1 << 16):
            told += part
    return told


@pytest.fixture
def impatient(serve_tiny):
    client, _ = serve_tiny(arrival=0.2)
    return client


@pytest.mark.parametrize(
    "pieces",
    [
        [b"P"],
        [HEAD],
        [HEAD + b"Content-Length: 1000\r\n\r\n"],
        [HEAD + b"Content-Length: 1000\r\n\r\n", b'{"model"'],
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"],
    ],
)
def test_a_half_sent_request_is_408(impatient, pieces):
    """In its head, before its body or within it; then the connection is closed."""
    assert received(impatient, *pieces).startswith(b"HTTP/1.1 408 ")
    assert impatient.chat().status_code == 200


def test_an_idle_connection_is_closed(impatient):
    """Nothing was asked and nothing is said."""
    assert received(impatient) == b""


def test_a_second_request_that_stops_halfway_ends_too(impatient):
    """After an answer the clock starts with the next request's first byte."""
    told = received(impatient, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /hea")
    assert told.startswith(b"HTTP/1.1 200 ") and b"HTTP/1.1 408 " in told


def test_what_is_sent_after_a_refusal_is_not_waited_for(impatient):
    """A body that was too long by its own account may not trickle on."""
    told = received(impatient, HEAD + b"Content-Length: 99999999\r\n\r\n", b"{")
    assert told.startswith(b"HTTP/1.1 413 ")


def test_waiting_for_an_answer_is_not_idling(serve_tiny):
    """A request that has arrived is answered however long it takes."""
    client, loaded = serve_tiny(arrival=0.2)
    forward, slept = loaded.model.forward, threading.Event()

    def slow(*args, **kwargs):
        slept.wait(0.5)
        return forward(*args, **kwargs)

    loaded.model.forward = slow
    assert client.chat(max_tokens=2).status_code == 200


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_a_thread_that_ends_is_a_dead_engine(serve_tiny, error):
    """Whatever ends it: the request gets a reason, and health says dead with 503."""
    client, loaded = serve_tiny()

    def ends(*args, **kwargs):
        raise error

    loaded.model.forward = ends
    refused = client.chat()
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "dead")
    health = client.http.get("/health")
    assert (health.status_code, health.json()["status"]) == (503, "dead")


def test_a_thread_that_ends_without_a_word_is_seen(serve_tiny):
    """Health asks the thread itself, not what it last said."""
    client, _ = serve_tiny()
    engine = client.server.engine
    engine._die = lambda error, runner: None
    engine._gather = None
    with engine._wake:
        engine._wake.notify()
    # The thread ends after this turn, or before it where it had not begun to wait yet.
    assert client.chat(max_tokens=1).status_code in (200, 503)
    assert engine.join(30)
    health = client.http.get("/health")
    assert (health.status_code, health.json()["status"]) == (503, "dead")
    assert client.chat().status_code == 503


def test_drain_ends_within_the_time_stated(serve_tiny):
    """A pass that never ends holds up neither the answer, which is 503, nor the stop."""
    client, loaded = serve_tiny(drain=0.3, grace=1)
    entered, never = threading.Event(), threading.Event()
    forward = loaded.model.forward

    def stuck(*args, **kwargs):
        entered.set()
        never.wait(60)
        return forward(*args, **kwargs)

    loaded.model.forward = stuck
    box = []
    thread = threading.Thread(target=lambda: box.append(client.chat()))
    thread.start()
    assert entered.wait(30)
    client.server.engine.drain()
    thread.join(30)
    assert box[0].status_code == 503 and box[0].json()["error"]["code"] == "draining"
    never.set()
    assert client.server.engine.join(30)
