"""Laws of the dispatcher over random sequences of faults, limits, cancellations and jumps."""

from collections.abc import Callable
from typing import Any, get_args

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from harness.dispatcher.job import Job
from harness.dispatcher.poolfile import EndpointSpec
from harness.dispatcher.simulation.scenario import Scenario, Size
from harness.respondent.faults import Fault, FaultKind, ServerSpec

LEAN = settings(
    deadline=None,
    max_examples=550,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

faults = st.builds(
    Fault,
    kind=st.sampled_from(get_args(FaultKind)),
    start=st.floats(0, 20),
    duration=st.sampled_from([0.5, 3.0, 15.0, 60.0, 1e9]),
    share=st.sampled_from([0.05, 0.3, 1.0]),
    period=st.sampled_from([None, None, 2.0]),
    status=st.sampled_from([400, 401, 404, 408, 422, 500, 503, 529]),
    retry_after=st.sampled_from([None, "1", "0", "-5", "86400", "soon", "date:+2", "date:-9"]),
    factor=st.sampled_from([0.25, 4.0, 12.0]),
)
servers = st.builds(
    ServerSpec,
    latency=st.sampled_from([0.02, 0.5, 2.0]),
    jitter=st.sampled_from([0.0, 0.5]),
    rpm=st.sampled_from([None, 5.0, 60.0, 600.0]),
    tpm=st.sampled_from([None, 2_000.0, 20_000.0]),
    slots=st.sampled_from([None, 2, 16]),
    enforce=st.sampled_from(["window", "bucket"]),
    headers=st.sampled_from(["real", "minus_one", "zero", "none"]),
    faults=st.lists(faults, max_size=4).map(tuple),
)
sizes = st.builds(Size, input=st.integers(1, 400), output=st.integers(1, 80))


@st.composite
def situations(draw: st.DrawFn) -> dict[str, Any]:
    """Endpoints whose pool file may or may not tell the truth, work, withdrawals and jumps."""
    models = draw(st.lists(servers, min_size=1, max_size=3))
    endpoints = []
    for name, model in zip("ABC", models, strict=False):
        lie = draw(st.sampled_from([1.0, 1.0, 2.0]))
        endpoints.append(
            EndpointSpec(
                name=name,
                url="http://x.invalid",
                model="m",
                rpm=model.rpm and model.rpm * lie,
                tpm=model.tpm and model.tpm * lie,
                kind=draw(st.sampled_from(["hosted", "local"])),
                max_concurrency=draw(st.sampled_from([1, 4, 1000])),
                timeout=10,
                reserve=draw(st.sampled_from(["p95", "max_tokens"])),
            )
        )
    work = draw(st.lists(st.tuples(sizes, st.sampled_from("xy")), min_size=1, max_size=25))
    return {
        "scenario": Scenario(tuple(endpoints), tuple(models)),
        "work": work,
        "cancel": draw(st.lists(st.tuples(st.integers(0, 24), st.floats(0, 30)), max_size=5)),
        "jumps": draw(st.lists(st.tuples(st.floats(0, 30), st.floats(-100, 100)), max_size=2)),
        "seed": draw(st.integers(0, 2**16)),
    }


@LEAN
@given(situations())
def test_any_faults(campaign_over: Callable[..., Any], situation: dict[str, Any]) -> None:
    """Whatever goes wrong: each request ends once, in time, within limits, with nothing held."""
    run = campaign_over(situation["scenario"], seed=situation["seed"])
    for index, (size, flow) in enumerate(situation["work"]):
        job = Job(payload=size, flow=flow, kind=flow, size=3 * size.input, max_tokens=80)
        run.submit(index, job)
    cancelled = set()

    def cancel(index: int) -> None:
        if index in run.tickets and not run.ends[index]:
            cancelled.add(index)
            run.pump.cancel(run.tickets[index])

    for index, at in situation["cancel"]:
        run.clock.call_later(at, lambda index=index: cancel(index))
    for at, seconds in situation["jumps"]:
        run.clock.call_later(at, lambda seconds=seconds: run.clock.jump(seconds))
    run.run()
    for index in range(len(situation["work"])):
        assert run.ends[index] == (0 if index in cancelled else 1)
    run.ends = +run.ends
    assert run.pump.waiting == run.pump.inflight == 0
    run.check()


@settings(LEAN, max_examples=15)
@given(
    flows=st.integers(2, 4),
    ratio=st.sampled_from([1, 3, 20]),
    seed=st.integers(0, 99),
)
def test_fair_shares(campaign_over: Callable[..., Any], flows: int, ratio: int, seed: int) -> None:
    """While k evals are backlogged, each gets at least 1/(2k) of the tokens."""
    server = ServerSpec(latency=0.3, tpm=120_000, enforce="bucket")
    endpoint = EndpointSpec(name="A", url="http://x.invalid", model="m", tpm=120_000)
    run = campaign_over(Scenario((endpoint,), (server,)), seed=seed)
    for flow in range(flows):
        size = Size(100 * (ratio if flow == 0 else 1), 20)
        run.submit_all([size] * 400, flow=str(flow), max_tokens=40)
    run.run(30.0)
    tokens = {str(flow): 0 for flow in range(flows)}
    for entry in run.entries:
        tokens[entry.flow] += entry.input_tokens + entry.output_tokens
    assert min(tokens.values()) >= sum(tokens.values()) / (2 * flows)
