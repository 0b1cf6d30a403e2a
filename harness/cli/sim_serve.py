"""`penchant sim serve`: the simulated respondents behind an OpenAI-compatible API, with faults."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import click
import msgspec

from harness.errors import UsageError
from harness.respondent.faults import ServerSpec, load_server
from harness.respondent.server import RespondentServer
from harness.respondent.settings import PRESETS, Settings, settings_for
from harness.screen import echo

__all__ = ["serve"]


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8900, show_default=True, help="0 lets the system choose.")
@click.option("--faults", type=click.Path(path_type=Path), help="Server and faults as a TOML file.")
@click.option("--latency", type=float, help="Seconds to each answer (default 0.02).")
@click.option("--rpm", type=float, help="Requests per minute that are allowed.")
@click.option("--tpm", type=float, help="Tokens per minute that are allowed.")
@click.option("--key-env", help="Accept only the key in this environment variable.")
@click.option("--seed", default=0, show_default=True, help="Draws latencies and faults.")
@click.option("-M", "given", multiple=True, metavar="NAME=VALUE", help="Planted parameter.")
def serve(
    host: str,
    port: int,
    faults: Path | None,
    latency: float | None,
    rpm: float | None,
    tpm: float | None,
    key_env: str | None,
    seed: int,
    given: tuple[str, ...],
) -> None:
    """Serve the simulated respondents over HTTP, to rehearse a campaign without a provider.

    The models are faithful, noisy and so on, as under sim/. GET /stats tells what was counted.
    FAULTS is a TOML file with latency, jitter, rpm, tpm, slots, enforce, headers and any number
    of [[faults]] tables: kind, start, duration, share, period, status, retry_after, factor.

    \b
    penchant sim serve --port 8900 --faults bad-day.toml &
    penchant pool check pools.toml
    inspect eval evals/pairwise.py --model pool/rehearsal
    """
    spec = load_server(faults) if faults is not None else ServerSpec()
    for name, value in (("latency", latency), ("rpm", rpm), ("tpm", tpm)):
        if value is not None:
            if value < 0 or (value == 0 and name != "latency"):
                raise UsageError(f"--{name} {value:g}: expected a number above 0")
            spec = msgspec.structs.replace(spec, **{name: value})
    settings = {name: settings_for(name, _overrides(given)) for name in PRESETS}
    key = None
    if key_env is not None:
        key = os.environ.get(key_env)
        if not key:
            raise UsageError(f"--key-env {key_env}: this environment variable is not set")
    asyncio.run(_serve(settings, spec, host, port, key, seed))


async def _serve(
    settings: dict[str, Settings],
    spec: ServerSpec,
    host: str,
    port: int,
    key: str | None,
    seed: int,
) -> None:
    server = RespondentServer(settings, spec, key=key, seed=seed)
    try:
        bound = await server.start(host, port)
    except OSError as error:
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    echo(f"listening on http://{host}:{bound}/v1", err=False)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    await stop.wait()
    await server.stop()


def _overrides(given: tuple[str, ...]) -> dict[str, str]:
    overrides = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"-M {pair!r}: expected NAME=VALUE")
        overrides[name] = value
    return overrides
