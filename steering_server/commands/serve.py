"""`steering-server serve`."""

import os
import sys
import threading
from pathlib import Path

import click

from harness.errors import UsageError
from steering_server.commands.options import ModelOptions, model_options
from steering_server.engine.runner import Sizes
from steering_server.http.server import Options, SteeringServer
from steering_server.model.conversation import SystemAs
from steering_server.model.models import DType
from steering_server.vectors.registry import read_folder

__all__ = ["serve", "serve_to_the_end"]

_ENDING = 1.0
"""Seconds that the engine's thread is given to end once nothing is served any more."""


@click.command()
@model_options
@click.option(
    "--vectors",
    "folder",
    type=click.Path(path_type=Path),
    help="folder of vector files; each is served under its file's name",
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--api-key-env",
    default="STEERING_API_KEY",
    show_default=True,
    metavar="VARIABLE",
    help="environment variable that holds the API key; needed beyond loopback",
)
@click.option("--max-batch", default=32, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--max-tokens", default=1024, show_default=True, type=click.IntRange(min=1), help="of a reply"
)
@click.option(
    "--max-batch-tokens",
    default=16384,
    show_default=True,
    type=click.IntRange(min=1),
    help="padded prompt tokens in one pass",
)
@click.option(
    "--max-cache-tokens",
    default=131072,
    show_default=True,
    type=click.IntRange(min=1),
    help="rows × longest row that the running rows may hold",
)
@click.option("--queue", default=1024, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--drain",
    default=60.0,
    show_default=True,
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="for requests under way when the server is to stop",
)
@click.option("--until-eof", is_flag=True, help="stop where standard input ends, at once")
def serve(
    model: str,
    name: str | None,
    dtype: DType,
    device: str,
    device_map: str | None,
    threads: int | None,
    chat_template: Path | None,
    chat_template_kwargs: str | None,
    system_as: SystemAs,
    folder: Path | None,
    host: str,
    port: int,
    api_key_env: str,
    max_batch: int,
    max_tokens: int,
    max_batch_tokens: int,
    max_cache_tokens: int,
    queue: int,
    drain: float,
    until_eof: bool,
) -> None:
    """Serve a model behind an OpenAI-compatible API, with a `steering` field.

    \b
    steering-server serve --model ~/.cache/penchant/smollm2 --name smollm2 --vectors vectors/
    inspect eval evals/anchored.py@anchored_1_5 --model steering/smollm2 -M vector=math -M coef=0.25

    SIGTERM or Ctrl-C drains: no new requests; those under way are answered, or get 503 after
    --drain seconds; then it stops. Without a key only requests by a loopback name are answered, and
    none from web pages. /openapi.json says what may be asked.
    """
    options = ModelOptions(
        model,
        name,
        dtype,
        device,
        device_map,
        threads,
        chat_template,
        chat_template_kwargs,
        system_as,
    )
    if device.startswith("cuda") and not _has_cuda():
        raise UsageError(f"--device {device}: no CUDA device here; expected cpu")
    server = SteeringServer(
        options.read,
        {} if folder is None else read_folder(folder),
        Options(
            host=host,
            port=port,
            key=os.environ.get(api_key_env) or None,
            sizes=Sizes(max_batch, max_batch_tokens, max_cache_tokens),
            max_tokens=max_tokens,
            queue=queue,
            threads=threads,
            drain=drain,
        ),
        say=lambda line: click.echo(line, err=True),
    )
    if until_eof:
        threading.Thread(target=_stop_at_end, args=(server,), daemon=True).start()
    serve_to_the_end(server)


def serve_to_the_end(server: SteeringServer) -> None:
    """Serve, and leave even a pass that does not come back: at the interpreter's end its thread
    would be torn out of native code, which aborts the process."""
    server.run()
    if not server.engine.join(_ENDING):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _stop_at_end(server: SteeringServer) -> None:
    """Whoever started the server holds its input open; once that ends, nobody waits for it."""
    while sys.stdin.buffer.read(1):
        pass
    server.stop()


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()
