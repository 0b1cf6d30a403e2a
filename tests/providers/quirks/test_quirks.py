"""What real endpoints send, through Inspect's `eval`, by `pool/` and by `openai-api/`.

`quirks.toml` is the table: what a fake server answers, and what the record then is, by both paths,
or by each with the reason why they differ.
"""

import asyncio
import gzip
import json
import re
import threading
import tomllib
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai._base_client
import pytest
from inspect_ai.log import EvalLog
from inspect_ai.model._providers.openai_compatible import OpenAICompatibleAPI
from tenacity import wait_none

from harness.dispatcher import endpoint
from harness.dispatcher.breaker import Breaker
from harness.dispatcher.retries import RetryBudget

RunEval = Callable[..., EvalLog]
Records = Callable[[EvalLog], list[dict[str, Any]]]
Quirk = dict[str, Any]

TABLE: dict[str, Any] = tomllib.loads((Path(__file__).parent / "quirks.toml").read_text("utf-8"))
QUIRKS: list[Quirk] = TABLE["quirk"]
PATHS = ("pool", "delegated", "openai-api")
"""A pool's own line, a pool that delegates to Inspect's provider, and that provider alone."""
EVALS: dict[str, dict[str, Any]] = {
    "plain": {"block": 10},
    "logprobs": {"readout": "auto"},
    "reasoned": {"response": "reasoned"},
    "tool": {"response": "tool"},
    "seed": {},
    "tokens": {},
    "fewer": {"readout": "logprobs"},
    "ladder": {"readout": "logprobs"},
    "without": {"readout": "auto"},
}
"""Options of each eval of the table. What is conceded to a server holds for all its questions, so
that each concession has an eval of its own."""
GOOD = {"choices": [{"message": {"role": "assistant", "content": "4"}, "finish_reason": "stop"}]}
USAGE = {"prompt_tokens": 40, "completion_tokens": 2, "total_tokens": 42}
KEY = "sk-quirk-7f3a9b"


def chat(quirk: Quirk) -> dict[str, Any]:
    """A well-formed reply with what the quirk has otherwise."""
    message = {"role": "assistant", "content": "4"} | quirk.get("message", {})
    choice = {"index": 0, "message": message, "finish_reason": "stop"} | quirk.get("choice", {})
    whole = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m"}
    return whole | {"choices": [choice], "usage": USAGE} | quirk.get("top", {})


def body_of(quirk: Quirk) -> bytes:
    """The bytes of a reply."""
    if "body" in quirk:
        text = quirk["body"]
    elif "error" in quirk:
        text = json.dumps({"error": quirk["error"]})
    else:
        text = json.dumps(chat(quirk))
    return str(text).encode(quirk.get("encoding", "utf-8")) + b" " * quirk.get("pad", 0)


def response(quirk: Quirk) -> bytes:
    """The whole response, head and all."""
    body = body_of(quirk)
    headers = {"content-type": "application/json"} | quirk.get("headers", {})
    if (packed := quirk.get("packed")) is not None:
        body = {"gzip": gzip.compress, "deflate": zlib.compress, "false": bytes}[packed](body)
        headers["content-encoding"] = "gzip" if packed == "false" else packed
    if quirk.get("chunked"):
        parts = [body[start : start + 1000] for start in range(0, len(body), 1000)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        headers["transfer-encoding"] = "chunked"
    else:
        headers["content-length"] = str(len(body))
    lines = [f"{name}: {value}" for name, value in headers.items()]
    status = quirk.get("status", 200)
    head = "\r\n".join((f"HTTP/1.1 {status} Quirk", *lines, "", "")).encode("latin-1")
    return (head + body)[: len(head) + quirk["cut"]] if "cut" in quirk else head + body


class Server:
    """Answers each question by the quirk that its item names, and counts the calls.

    A conversation of one turn asks for the completion, which is well-formed and not counted.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.sent: dict[str, list[dict[str, Any]]] = {}
        self.quirks = {quirk["name"]: quirk for quirk in QUIRKS}
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self._thread.start()
        assert self._ready.wait(10)

    async def _run(self) -> None:
        self._over = asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self._ready.set()
        await self._over.wait()
        server.close()

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
                length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
                asked = await reader.readexactly(int(length[1])) if length else b""
                answer = self._answer(head, asked)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
                if b"cut: yes" in answer:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    def _answer(self, head: str, asked: bytes) -> bytes | None:
        if head.startswith("GET"):
            return response({"body": '{"data": []}'})
        request = json.loads(asked)
        if len(request["messages"]) == 1:
            return response({"message": {"content": "Here it is."}})
        name = re.findall(r"quirk-([a-z0-9-]+)-end", json.dumps(request["messages"]))[-1]
        quirk = self.quirks[name]
        self.calls[name] += 1
        self.sent.setdefault(name, []).append(request)
        rule = quirk.get("until")
        if self.calls[name] > quirk.get("times", 10**9) or (rule and not _holds(request, rule)):
            return response(quirk.get("then", {}))
        if quirk.get("dropped"):
            return None
        headers = quirk.get("headers", {}) | ({"cut": "yes"} if "cut" in quirk else {})
        return response(quirk | {"headers": headers})


def _holds(request: dict[str, Any], rule: dict[str, Any]) -> bool:
    """Whether the request still has what the server complains of: a field, or too much of it."""
    value = request.get(rule["field"])
    return value is not None and (rule.get("most") is None or value > rule["most"])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The fake server, with every wait between attempts cut short."""
    monkeypatch.setattr(endpoint, "_LEAST_WAIT", 0.001)
    monkeypatch.setattr(endpoint, "_LEAST_WAIT_MOST", 0.01)
    monkeypatch.setattr(RetryBudget, "TRICKLE", 10_000.0)
    quick = {"threshold": 5, "shortest": 0.001, "longest": 0.01}
    monkeypatch.setattr(Breaker.__init__, "__kwdefaults__", quick)
    monkeypatch.setattr(OpenAICompatibleAPI, "retry_wait", lambda api: wait_none())
    monkeypatch.setattr(openai._base_client, "INITIAL_RETRY_DELAY", 0.001)
    monkeypatch.setenv("QUIRK_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = Server()
    monkeypatch.setenv("QUIRK_BASE_URL", running.url)
    yield running
    running.stop()


def arguments(path: str, server: Server, folder: Path) -> dict[str, Any]:
    """Model and settings of a path to the server."""
    if path == "openai-api":
        return {"model": "openai-api/quirk/m", "model_base_url": server.url, "max_retries": 7}
    file = folder / "pools.toml"
    where = f'url = "{server.url}"\nmodel = "m"'
    if path == "delegated":
        where = 'inspect_model = "openai-api/quirk/m"'
    head = '[q]\npatience = 5\n[[q.endpoints]]\nname = "e"\nkey_env = "QUIRK_API_KEY"\n'
    file.write_text(head + where, "utf-8")
    return {"model": "pool/q", "model_args": {"file": str(file)}}


def items_of(quirks: list[Quirk], folder: Path, copies: int = 1) -> str:
    """One item a quirk, whose text names it."""
    file = folder / "items.jsonl"
    lines = [
        json.dumps({"id": f"{q['name']}:{copy}", "text": f"Task {copy} quirk-{q['name']}-end"})
        for q in quirks
        for copy in range(copies)
    ]
    file.write_text("\n".join(lines), "utf-8")
    return str(file)


def wanted(quirk: Quirk, path: str, name: str, default: Any = None) -> Any:
    """What the table says of a path."""
    return quirk.get("by", {}).get(path, {}).get(name, quirk.get(name, default))


def differences(quirk: Quirk, path: str, row: dict[str, Any], calls: int) -> list[str]:
    """What of a record is not as the table says."""
    outcome = wanted(quirk, path, "outcome", "answered")
    answer = wanted(quirk, path, "answer", "4" if outcome == "answered" else None)
    found = [("outcome", row["outcome"], outcome), ("answer", row.get("answer"), answer)]
    if (count := wanted(quirk, path, "calls", 1)) != 0:
        found.append(("calls", calls, count))
    for field, value in wanted(quirk, path, "record", {}).items():
        got = row.get(field)
        found.append((field, round(got, 3) if isinstance(got, float) else got, value))
    wrong = [f"{what} {got!r}, not {want!r}" for what, got, want in found if got != want]
    said = f"{row.get('reason', '')} {row.get('error', '')}"
    if (words := wanted(quirk, path, "says")) is not None and words not in said:
        wrong.append(f"says {said!r}, not {words!r}")
    if KEY in said:
        wrong.append("shows the key")
    return wrong


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lines that a run says at its start and its end."""
    lines: list[str] = []
    monkeypatch.setattr("harness.measuring.hooks.say", lines.append)
    return lines


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", EVALS)
def test_every_quirk_has_its_outcome(
    name: str,
    path: str,
    server: Server,
    run_eval: RunEval,
    records: Records,
    said: list[str],
    tmp_path: Path,
) -> None:
    """Each question gets the outcome of the table, asked as often as it says, by either path."""
    quirks = [quirk for quirk in QUIRKS if quirk.get("eval", "plain") == name]
    log = run_eval(
        "anchored.py@anchored_1_5",
        task_args={"items": items_of(quirks, tmp_path)} | EVALS[name],
        **arguments(path, server, tmp_path),
    )
    assert log.status == "success", log.error
    rows = {row["item"].removesuffix(":0"): row for row in records(log)}
    assert set(rows) == {quirk["name"] for quirk in quirks}
    wrong = {
        quirk["name"]: [*found, server.sent[quirk["name"]][-1]]
        for quirk in quirks
        if (found := differences(quirk, path, rows[quirk["name"]], server.calls[quirk["name"]]))
    }
    assert wrong == {}
    if name == "plain":
        assert [line for line in said if "'galaxy_collapsed' 1" in line]
        assert [line for line in said if "4 replies reported numbers of tokens that cannot" in line]


def test_openrouter_says_which_upstream_answered(
    server: Server,
    run_eval: RunEval,
    records: Records,
    said: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By Inspect's own provider, too, a record names the back end; without a pin it is warned."""
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    quirks = [quirk for quirk in QUIRKS if quirk["name"] == "which-upstream"]
    for pin in ({}, {"provider": {"only": ["deepinfra"]}}):
        said.clear()
        log = run_eval(
            "anchored.py@anchored_1_5",
            "openrouter/quirk/m",
            task_args={"items": items_of(quirks, tmp_path)},
            model_base_url=server.url,
            model_args=pin,
        )
        assert [row["endpoint"] for row in records(log)] == ["DeepInfra"]
        assert sum("whichever back end" in line for line in said) == (not pin)


def test_fewer_alternatives_than_asked_are_said_once(
    server: Server,
    run_eval: RunEval,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server that cuts the list without a word is spoken of in its place."""
    lines: list[str] = []
    monkeypatch.setattr("solvers.questions.say", lines.append)
    quirks = [quirk for quirk in QUIRKS if quirk["name"] == "logprobs-few-of-many"]
    run_eval(
        "anchored.py@anchored_1_5",
        task_args={"items": items_of(quirks, tmp_path, copies=3), "readout": "auto"},
        **arguments("openai-api", server, tmp_path),
    )
    [line] = lines
    assert "gives 2 alternatives of a token where 20 were asked for: 15% of" in line


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("quirk", [q for q in QUIRKS if q.get("eval") == "ends"], ids=str)
def test_what_every_question_would_meet_ends_the_run(
    quirk: Quirk, path: str, server: Server, run_eval: RunEval, tmp_path: Path
) -> None:
    """The run ends after a few questions, with the server's reason and never with success."""
    log = run_eval(
        "anchored.py@anchored_1_5",
        task_args={"items": items_of([quirk], tmp_path, copies=3)} | quirk.get("options", {}),
        **arguments(path, server, tmp_path),
        max_connections=1,
    )
    assert log.status == "error"
    assert log.error is not None
    assert wanted(quirk, path, "says") in log.error.message
    assert KEY not in log.error.message


def test_the_table_is_large_and_gives_its_reasons() -> None:
    """At least sixty quirks, each once; where the paths differ, the reason stands beside it."""
    assert len(QUIRKS) >= 60
    assert len({quirk["name"] for quirk in QUIRKS}) == len(QUIRKS)
    assert all(quirk.get("why") for quirk in QUIRKS if "by" in quirk)
