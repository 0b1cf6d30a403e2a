"""The dispatcher beside plainer policies in the simulator, in one run on a virtual clock.

Three endpoints with limits and faults (harness/dispatcher/simulation/scenario.py), by default
12 000 requests and 8 seeds. Prints for each policy the makespan over the fluid bound, mean and
worst, and the requests that brought nothing. Then the two laws about limits: what the server
counted in its fullest 60 s window against the pool file, and makespan over bound where the file
tells twice the true limits. `python benchmarks/pool.py --requests 3000 --seeds 2`
"""

import argparse
import time

import numpy as np

from harness.dispatcher.clock import VirtualClock
from harness.dispatcher.poolfile import EndpointSpec
from harness.dispatcher.simulation.policies import POLICIES
from harness.dispatcher.simulation.scenario import Scenario, VirtualServers, sizes, standard
from harness.dispatcher.simulation.simulator import Measured, Trial, measure, ours
from harness.respondent.faults import ServerSpec


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=12_000)
    parser.add_argument("--seeds", type=int, default=8)
    given = parser.parse_args()
    compare(given.requests, given.seeds)
    windows(given.requests)
    lying_limits(min(given.requests, 4000))


def compare(requests: int, seeds: int) -> None:
    """Policies side by side, with and without faults."""
    for faults in (True, False):
        print(f"\n{requests} requests, {seeds} seeds, {'with' if faults else 'without'} faults")
        print(
            f"{'policy':28s} {'mean':>7s} {'worst':>7s} {'waste':>8s} {'failed':>6s} {'CPU s':>6s}"
        )
        for name, policy in POLICIES.items():
            started = time.process_time()
            runs = [
                measure(name, policy, standard(faults=faults), requests=requests, seed=seed)
                for seed in range(seeds)
            ]
            spent = (time.process_time() - started) / seeds
            print(f"{name:28s} {_row(runs)} {spent:6.1f}", flush=True)


def _row(runs: list[Measured]) -> str:
    ratios = [run.ratio for run in runs]
    waste = sum(run.waste for run in runs) / len(runs)
    failed = sum(run.failed for run in runs)
    return f"{sum(ratios) / len(ratios):7.3f} {max(ratios):7.3f} {waste:8.1%} {failed:6d}"


def windows(requests: int) -> None:
    """The fullest 60 s window, as the server counts it, over the pool file's limit."""
    print("\nfullest 60 s window at the server / limit in the pool file")
    server = ServerSpec(latency=0.8, jitter=0.4, rpm=3000, tpm=600_000)
    for reserve in ("max_tokens", "p95"):
        spec = EndpointSpec(
            name="A", url="http://a.invalid", model="m", rpm=3000, tpm=600_000, reserve=reserve
        )
        clock = VirtualClock()
        work_rng, server_rng, rng = np.random.default_rng(0).spawn(3)
        scenario = Scenario((spec,), (server,))
        servers = VirtualServers(scenario, clock=clock, rng=server_rng)
        ours(Trial(scenario, servers, clock, sizes(requests, work_rng), rng, _ignore))
        clock.run()
        model = servers.models["A"]
        print(
            f"reserve = {reserve:10s} requests {model.arrivals.peak / 3000:.4f}, "
            f"tokens {model.settled.peak / 600_000:.4f}"
        )


def _ignore(answered: bool) -> None:
    pass


def lying_limits(requests: int) -> None:
    """Makespan over the bound when the pool file tells twice the true limits."""
    print("\nthe file's limits are twice the true ones: makespan / bound, waste")
    for headers in ("real", "none"):
        server = ServerSpec(
            latency=0.8, jitter=0.2, rpm=1500, tpm=600_000, headers=headers, enforce="bucket"
        )
        spec = EndpointSpec(name="A", url="http://a.invalid", model="m", rpm=3000, tpm=1_200_000)
        scenario = Scenario((spec,), (server,))
        run = measure("dispatcher", ours, scenario, requests=requests, seed=0)
        print(f"headers {headers:5s} {run.ratio:.3f} {run.waste:.1%} (bound {run.bound:.0f} s)")


if __name__ == "__main__":
    main()
