"""`penchant pool`: check a pool file, rehearse the dispatcher, watch a run."""

import asyncio
import time
from pathlib import Path

import click
from rich.live import Live
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from harness.cli.listing import WholeGroup
from harness.dispatcher.calls.check import Finding, check_endpoints
from harness.dispatcher.poolfile import EndpointSpec, load_pools
from harness.errors import ServiceError, UsageError
from harness.screen import Console, echo

__all__ = ["pool"]


@click.group(cls=WholeGroup)
def pool() -> None:
    """Pools of endpoints that serve one model: check, rehearse, watch.

    \b
    penchant pool check pools.toml
    inspect eval evals/pairwise.py --model pool/NAME -M file=pools.toml -T block=25
    penchant pool watch logs/
    """


@pool.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--call", is_flag=True, help="Also spend one call an endpoint to learn its limits.")
def check(file: Path, call: bool) -> None:
    """Is each endpoint of FILE ready: key set, reachable, model there? Prints no secret.

    Without --call nothing is spent. Exits 1 if an endpoint is not ready.

    \b
    penchant pool check pools.toml
    penchant pool check pools.toml --call
    """
    specs = [(name, e) for name, spec in load_pools(file).items() for e in spec.endpoints]
    with _progress() as progress:
        progress.add_task(f"asking {len(specs)} endpoints", total=None)
        findings = asyncio.run(check_endpoints(specs))
        learned = asyncio.run(_call(specs, findings)) if call else {}
    console = Console()
    console.print(_findings(findings, learned))
    if not all(finding.good for finding in findings):
        raise SystemExit(1)


@pool.command()
@click.option("--requests", default=12_000, show_default=True)
@click.option("--seeds", default=8, show_default=True)
@click.option("--live", is_flag=True, help="Instead run against `sim serve` in its own process.")
def bench(requests: int, seeds: int, live: bool) -> None:
    """Run the dispatcher beside four plainer policies in a simulator on a virtual clock.

    Three endpoints with limits and faults; makespan over the fluid bound, and requests that
    brought nothing. With --live: real requests to a server in a process of its own, CPU per call.

    \b
    penchant pool bench --requests 3000 --seeds 2
    penchant pool bench --live
    """
    if requests < 1 or seeds < 1:
        raise UsageError(f"--requests {requests} --seeds {seeds}: expected at least 1 of each")
    if live:
        from harness.dispatcher.simulation.rehearsal import rehearse

        for line in rehearse(min(requests, 12_000)):
            echo(line)
        return
    from harness.dispatcher.simulation.policies import POLICIES
    from harness.dispatcher.simulation.scenario import standard
    from harness.dispatcher.simulation.simulator import measure

    shown = Table(title=f"{requests:,} requests, {seeds} seeds, three endpoints with faults")
    for heading in ("policy", "makespan / bound", "worst", "waste", "unanswered"):
        shown.add_column(heading, justify="left" if heading == "policy" else "right")
    with _progress() as progress:
        for name, policy in POLICIES.items():
            task = progress.add_task(name, total=None)
            runs = [
                measure(name, policy, standard(), requests=requests, seed=seed)
                for seed in range(seeds)
            ]
            progress.remove_task(task)
            ratios = [run.ratio for run in runs]
            shown.add_row(
                name,
                f"{sum(ratios) / seeds:.3f}",
                f"{max(ratios):.3f}",
                f"{sum(run.waste for run in runs) / seeds:.1%}",
                str(sum(run.failed for run in runs)),
            )
    Console().print(shown)


@pool.command()
@click.argument("where", type=click.Path(path_type=Path), default=Path("logs"))
@click.option("--once", is_flag=True, help="Print the last state and leave.")
def watch(where: Path, once: bool) -> None:
    """Show a running pool from its ledger: WHERE is the file, or the folder of the newest.

    Per endpoint: requests in flight, their limit, answers a second, tokens, waste, money, breaker
    state; below, the expected end. Runs beside Inspect's own display, in another terminal.

    \b
    penchant pool watch logs/
    """
    from harness.dispatcher.live import Follower, table

    follower = Follower(_ledger(where))
    follower.read()
    console = Console()
    if once or not console.is_terminal:
        console.print(table(follower))
        return
    with Live(table(follower), console=console, refresh_per_second=2) as live:
        try:
            while True:
                time.sleep(1.0)
                if follower.read():
                    live.update(table(follower))
        except KeyboardInterrupt:
            return


def _ledger(where: Path) -> Path:
    if where.is_file():
        return where
    found = sorted(where.glob("*.ledger.jsonl"), key=lambda p: p.stat().st_mtime)
    if not found:
        raise UsageError(f"no *.ledger.jsonl in {str(where)!r}; a run of pool/NAME writes one")
    return found[-1]


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _findings(findings: list[Finding], learned: dict[tuple[str, str], str]) -> Table:
    shown = Table()
    for heading in ("pool", "endpoint", "key", "reachable", "model", "", "limits"):
        shown.add_column(heading)
    words = {True: "yes", False: "[red]no[/red]", None: "–"}
    for finding in findings:
        shown.add_row(
            finding.pool,
            finding.endpoint,
            "[red]missing[/red]" if finding.key == "missing" else finding.key,
            words[finding.reachable],
            words[finding.listed],
            "[green]ready[/green]" if finding.good else f"[red]{finding.note}[/red]",
            learned.get((finding.pool, finding.endpoint), finding.note if finding.good else ""),
        )
    return shown


async def _call(
    specs: list[tuple[str, EndpointSpec]], findings: list[Finding]
) -> dict[tuple[str, str], str]:
    """One call to each ready endpoint: limits that its headers told, and the backend."""
    from harness.dispatcher.calls.one_call import one_call

    learned = {}
    for (name, spec), finding in zip(specs, findings, strict=True):
        if not finding.good:
            continue
        try:
            learned[name, spec.name] = await one_call(spec)
        except ServiceError as error:
            learned[name, spec.name] = str(error)
    return learned
