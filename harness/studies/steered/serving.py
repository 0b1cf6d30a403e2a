"""A study's vectors, and a steering server for as long as its cells run.

Both are commands of `steering-server`, in processes of their own: nothing here needs torch.
"""

import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.errors import UsageError
from harness.studies.models import SERVER
from harness.studies.steered.files import random_like, read_vector
from harness.studies.steered.model import (
    CONCEPT,
    PLANTED,
    Arm,
    Steered,
    client_of,
    given_vectors,
    served_name,
)

__all__ = ["VECTORS", "extracted", "steering_server"]

VECTORS = "vectors"
"""Folder of a run's vectors, inside its own."""

_COMMAND = (sys.executable, "-c", "from steering_server.cli import main; main()")
_STARTED = re.compile(r"; (http://\S+)$")
_PATIENCE = 20.0
"""Seconds that a server is given to end before it is ended."""
_Process = subprocess.Popen[bytes]


@contextmanager
def steering_server(
    given: Steered, folder: Path, found: Sequence[Arm], selectors: Sequence[str] = ("last",)
) -> Iterator[None]:
    """The vectors in `folder`, and a server that has them; STEERING_BASE_URL says where.

    A server that was started is stopped whatever happens. UsageError, in one line, where a vector
    cannot be made or does not fit, or where the model cannot be served.
    """
    place = folder / VECTORS
    _vectors(given, place, found, selectors)
    if given.server is not None:
        client = client_of(given.server)
        for arm in found:
            client.register(_path(place, arm.vector), arm.vector)
        with _told(given.server):
            yield
        return
    line = ["serve", "--port", "0", "--until-eof", "--name", served_name(given)]
    line += ["--vectors", str(place), *_loading(given, given.model[0])]
    server = _started(line, held=True)
    try:
        lines = _lines_of(server)
        with _told(_address(server, lines)):
            yield
    finally:
        _ended(server)


def extracted(
    given: Steered, model: str, name: str, output: Path, selectors: Sequence[str]
) -> None:
    """Extract the concept's vectors of a model to `output` and its neighbours, and their norms;
    what is there already is left. UsageError with what the command said where it failed."""
    norms = output.with_name(output.name.replace(".safetensors", ".norms.csv"))
    if norms.is_file() and output.is_file():
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    line = ["extract", "--positive", given.positive, "--negative", given.negative]
    line += ["--items", given.extract_items, "--span", given.extract_span]
    line += ["--completion-tokens", str(given.extract_tokens), "--selectors", ",".join(selectors)]
    line += ["--name", name, "-o", str(output.absolute()), *_loading(given, model)]
    process = _started(line)
    try:
        _, said = process.communicate()
    finally:
        _ended(process)
    if process.returncode:
        raise UsageError(f"no vector could be extracted: {_last(said.decode(errors='replace'))}")


def _loading(given: Steered, model: str) -> list[str]:
    """How a model is loaded; a tiny one with one thread, whose passes are too short for more."""
    threads = given.threads or (1 if model == PLANTED else None)
    options = ["--model", model, "--device", given.device]
    return options if threads is None else [*options, "--threads", str(threads)]


def _path(place: Path, vector: str) -> Path:
    return place / f"{vector}.safetensors"


def _vectors(given: Steered, place: Path, found: Sequence[Arm], selectors: Sequence[str]) -> None:
    """Every arm's file in `place`: given, extracted, or drawn."""
    place.mkdir(parents=True, exist_ok=True)
    own = [arm for arm in found if not arm.random]
    if given.vector:
        for arm, file in zip(own, given_vectors(given).values(), strict=True):
            _write(_path(place, arm.vector), file.data)
    else:
        extracted(given, given.model[0], served_name(given), _path(place, CONCEPT), selectors)
    concept = read_vector(_path(place, own[0].vector))
    for number, arm in enumerate(arm for arm in found if arm.random):
        _write(_path(place, arm.vector), random_like(concept, number))


def _write(path: Path, data: bytes) -> None:
    if path.is_file() and path.read_bytes() == data:
        return
    draft = path.with_suffix(".tmp")
    draft.write_bytes(data)
    draft.replace(path)


def _started(line: Sequence[str], *, held: bool = False) -> _Process:
    """A command in a session of its own: Ctrl-C reaches us, and we end it. `held`: it ends where
    we do, however we do."""
    return subprocess.Popen(
        [*_COMMAND, *line],
        stdin=subprocess.PIPE if held else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _lines_of(server: _Process) -> "queue.SimpleQueue[str | None]":
    """What the server says, line by line; None at its end. Somebody has to read it: it would stop
    where the pipe is full."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def read() -> None:
        assert server.stderr is not None
        for line in server.stderr:
            lines.put(line.decode(errors="replace").rstrip())
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines


def _address(server: _Process, lines: "queue.SimpleQueue[str | None]") -> str:
    """Where the server is, once it has loaded the model."""
    said = ""
    while (line := lines.get()) is not None:
        told = _STARTED.search(line)
        if told is not None:
            return told[1]
        said = line or said
    server.wait()
    raise UsageError(f"the steering server did not start: {_last(said)}")


def _last(said: str) -> str:
    """The last line that a command wrote."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1].removeprefix("steering-server: ") if lines else "it said nothing"


def _ended(process: _Process) -> None:
    """The process is gone when this returns."""
    with suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()
    try:
        process.wait(0 if process.stdin is None else _PATIENCE)
    except subprocess.TimeoutExpired:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _told(url: str) -> Iterator[None]:
    """The variable that steered models look at, set back afterwards."""
    before = os.environ.get(SERVER)
    os.environ[SERVER] = url
    try:
        yield
    finally:
        if before is None:
            del os.environ[SERVER]
        else:
            os.environ[SERVER] = before
