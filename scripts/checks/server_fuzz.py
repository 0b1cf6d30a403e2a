"""Whatever is sent to a steering server is answered, never with 500, and leaves no memory behind.

    python scripts/checks/server_fuzz.py [--requests 2000] [--seed 0]

Requests are drawn from the OpenAPI file that the server serves: such as keep to it (half of them
by a model and a vector that are there), such as break it, and bodies damaged as no schema can say:
lone surrogates, brackets in brackets, numbers of thousands of digits, bytes that are no text. After
them the process may hold 1.1 times what it held after a tenth of them.
"""

import argparse
import base64
import json
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import schemathesis
import torch
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from steering_server.model.models import load
from steering_server.vectors.vectors import NORMS, Origin, serialize

SERVER = [sys.executable, "-c", "from steering_server.cli import main; main()"]
OPTIONS = ["serve", "--model", "tiny:llama", "--name", "tiny", "--port", "0", "--threads", "1"]
CHAT, VECTORS = "/v1/chat/completions", "/v1/vectors"
EXPECTED = {200, 201, 400, 403, 404, 405, 409, 413, 415, 422, 429}
DEEP = 20_000
"""Brackets in brackets: far more than any decoder's stack."""


def vector_file() -> bytes:
    """A usable vector file for the tiny model."""
    loaded = load("tiny:llama", name="tiny")
    facts = {"model": "tiny", "weights": loaded.weights, "template": loaded.template}
    origin = Origin(**facts, method="random", selector="none", span="prompt", default_layer=2)
    layers = range(loaded.depth)
    norms = {kind: dict.fromkeys(layers, 1.0) for kind in NORMS}
    return serialize({layer: torch.randn(loaded.width) for layer in layers}, norms, origin)


@contextmanager
def server() -> Iterator[tuple[httpx.Client, int]]:
    """A client of a server in a process of its own, and the process's id."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "plain.safetensors").write_bytes(vector_file())
        command = [*SERVER, *OPTIONS, "--vectors", folder, "--queue", "64"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stderr is not None
            url = process.stderr.readline().rsplit("; ", 1)[1].strip()
            with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
                yield client, process.pid
        finally:
            process.kill()
            process.wait()


def held(pid: int) -> float:
    """Resident memory of a process, MiB."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def served(document: dict[str, Any]) -> dict[str, Any]:
    """The OpenAPI document with the model and the vector that are there as the only names."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    schemas = copy["components"]["schemas"]
    schemas["ChatRequest"]["properties"]["model"] = {"const": "tiny"}
    schemas["ChatRequest"]["properties"]["max_tokens"] = {"type": "integer", "enum": [1, 2, 5]}
    steering = schemas["SteeringVector"]
    steering["properties"]["name"] = {"const": "plain"}
    steering["properties"]["layers"] = {"enum": [None, [0], [1, 3]]}
    for other in ("sha256", "inline"):
        del steering["properties"][other]
    steering["required"] = ["coef", "name"]
    return copy


def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """A path, and a body that was a good one before something was put into it."""
    vector = base64.b64encode(vector_bytes(draw)).decode()
    steering = {"vectors": [{"name": "plain", "coef": 0.5, "layers": [1]}], "choices": ["A", "B"]}
    message = {"role": "user", "content": "Hello there."}
    chat = {"model": "tiny", "messages": [message], "steering": steering, "temperature": 1, "n": 1}
    path = draw(st.sampled_from([CHAT, CHAT, VECTORS]))
    good = chat if path == CHAT else {"name": draw(st.text(max_size=5)), "data": vector}
    body = json.dumps(good).encode()
    values = [found.span() for found in re.finditer(rb'"[^"]*"|-?\d+(\.\d+)?|\[|\{', body)]
    start, end = draw(st.sampled_from(values))
    put = draw(st.sampled_from(PUT) | st.binary(max_size=8))
    return path, body[:start] + put + body[end:]


def vector_bytes(draw: st.DrawFn) -> bytes:
    """A vector file's bytes, or what begins like one."""
    header = draw(st.sampled_from(HEADERS))
    return len(header).to_bytes(8, "little") + header + bytes(draw(st.sampled_from([0, 4, 256])))


PUT = [
    b'"\\ud800"',
    b'"\\udc00x"',
    b'"\xed\xa0\x80"',
    b'"\xff"',
    b"[" * DEEP,
    b'{"a":' * DEEP,
    b"[" * DEEP + b"]" * DEEP,
    b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    b"9" * 5000,
    b"-" + b"9" * 5000,
    b"1e400",
    b"1e-320",
    b"0." + b"0" * 5000 + b"1",
    b"1" + b"0" * 30,
    b"NaN",
    b"null",
    b'"\\u0000"',
    b'"' + b"x" * 100_000 + b'"',
    b"[" + b'"a",' * 5000 + b'"b"]',
    b'{"coef": 1, "coef": 0}',
]
HEADERS = [
    b"[]",
    b"{}",
    b"[" * DEEP,
    b'{"__metadata__":1}',
    b'{"__metadata__":{"penchant":1}}',
    b'{"__metadata__":{"penchant":"' + b"[" * DEEP + b'"}}',
    b'{"vector.' + b"9" * 5000 + b'":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
]


class Fuzzing:
    """Sends requests, and judges the answers."""

    def __init__(self, client: httpx.Client, pid: int) -> None:
        self._client = client
        self._pid = pid
        self.statuses: Counter[int] = Counter()
        self.early = 0.0
        self.early_at = 0

    def send(self, method: str, path: str, **request: Any) -> None:
        """One request; AssertionError for an answer that is none."""
        response = self._client.request(method, path, **request)
        self.statuses[response.status_code] += 1
        if self.statuses.total() == self.early_at:
            self.early = held(self._pid)
        assert response.status_code in EXPECTED, f"{response.status_code}: {response.text[:200]}"
        if response.status_code >= 400 and method != "HEAD":
            assert response.json()["error"]["message"], response.text[:200]

    def of_schema(self, document: dict[str, Any], requests: int, number: int) -> None:
        """So many requests by the schema, by turns such as keep to it and such as break it."""
        schema = schemathesis.openapi.from_dict(document)
        operations = [schema[CHAT]["POST"]] * 3 + [schema[VECTORS]["POST"]]
        modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
        cases = st.one_of(
            *(one.as_strategy(generation_mode=mode) for one in operations for mode in modes)
        )
        self._run(cases, self._case, requests, number)

    def damaged(self, requests: int, number: int) -> None:
        """So many requests with damaged bodies."""
        self._run(st.composite(damaged)(), self._body, requests, number)

    def _case(self, case: Any) -> None:
        request = case.as_transport_kwargs(base_url="")
        body = {name: request[name] for name in ("json", "data") if name in request}
        if "json" in body:
            body = {"content": json.dumps(body["json"]).encode()}
        elif "data" in body:
            raw = body["data"]
            body = {"content": raw if isinstance(raw, bytes) else str(raw).encode()}
        names = ("Content-Type", "Authorization")
        headers = {name: request["headers"][name] for name in names if name in request["headers"]}
        self.send(request["method"], case.operation.path, headers=headers, **body)

    def _body(self, drawn: tuple[str, bytes]) -> None:
        path, body = drawn
        self.send("POST", path, content=body, headers={"Content-Type": "application/json"})

    def _run(self, cases: st.SearchStrategy[Any], act: Any, requests: int, number: int) -> None:
        @seed(number)
        @settings(
            max_examples=requests,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases)
        def run(case: Any) -> None:
            act(case)

        run()


def main() -> None:
    """Fuzz one server; exit 1 with a line where an answer or the memory is not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with server() as (client, pid):
        document = client.get("/openapi.json").json()
        fuzzing = Fuzzing(client, pid)
        fuzzing.early_at = options.requests // 10
        # Of every round a tenth, so that the early mark has seen all kinds.
        for turn in range(10):
            share = options.requests // 40
            fuzzing.of_schema(document, share, options.seed + turn)
            fuzzing.of_schema(served(document), share, options.seed + turn)
            fuzzing.damaged(2 * share, options.seed + turn)
        good = {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2}
        assert client.post(CHAT, json=good).status_code == 200
        assert client.get("/health").json()["status"] == "ready"
        late = held(pid)
    counts = ", ".join(f"{status}: {count}" for status, count in sorted(fuzzing.statuses.items()))
    sent = fuzzing.statuses.total()
    ratio = late / fuzzing.early
    print(f"{sent} requests ({counts}); memory {fuzzing.early:.0f} → {late:.0f} MiB ({ratio:.2f})")
    if ratio > 1.1:
        sys.exit("memory grew beyond 1.1 times what it was after a tenth of the requests")


if __name__ == "__main__":
    main()
