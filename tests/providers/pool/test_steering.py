"""Pools of steering servers: replicas answer as one server would, under one steering."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from inspect_ai import eval as inspect_eval
from inspect_ai.model import Model, get_model

from harness.models.identity import model_identity
from harness.models.inspect_api import PrerequisiteError
from harness.providers.pool.steering import checked
from harness.wire import Reply

ROOT = Path(__file__).resolve().parents[3]
STEERING = {"vector": "math", "coef": 0.5, "positions": "response"}


@pytest.fixture(scope="module")
def urls(tiny: Any) -> Iterator[list[str]]:
    """Two replicas."""
    with tiny.serving() as one, tiny.serving() as two:
        yield [one, two]


def pools(tmp_path: Path, urls: list[str], kind: str = "steering") -> Path:
    """A pool of replicas, routed by conversation."""
    file = tmp_path / "pools.toml"
    lines = ["[tiny]", 'route = "conversation"']
    for index, url in enumerate(urls):
        lines += [
            "[[tiny.endpoints]]",
            f'name = "replica-{index}"',
            f'url = "{url}/v1"',
            'model = "tiny"',
            f'kind = "{kind}"',
        ]
    file.write_text("\n".join(lines))
    return file


def pooled(file: Path, **args: Any) -> Model:
    return get_model("pool/tiny", file=str(file), memoize=False, **args)


def run(
    model: str,
    log_dir: Path,
    args: dict[str, Any],
    base_url: str | None = None,
    eval_file: str = "anchored.py@anchored_precise_1_5",
    **task: Any,
) -> list[Any]:
    """Records of an eval, by default with exact answer probabilities."""
    [log] = inspect_eval(
        f"evals/{eval_file}",
        model=model,
        model_base_url=base_url,
        model_args=args,
        task_args={
            "items": "builtin:math",
            "per_origin": 6,
            "block": 6,
            "completion_max_tokens": 8,
            **(task or {"readout": "logprobs", "min_label_mass": 0}),
        },
        log_dir=str(log_dir),
        display="none",
    )
    assert log.status == "success", log.error
    return [
        record
        for sample in log.samples or []
        for score in (sample.scores or {}).values()
        for record in (score.metadata or {})["records"]
    ]


def test_replicas_answer_as_one_server(
    urls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same completions and probabilities, and the steering in the record."""
    monkeypatch.chdir(ROOT)
    file = str(pools(tmp_path, urls))
    together = run("pool/tiny", tmp_path / "p", STEERING | {"file": file})
    alone = run("steering/tiny", tmp_path / "s", STEERING, urls[0])
    by_item = {one["item"]: one for one in alone}
    assert len(together) == len(alone) == 6
    for one in together:
        other = by_item[one["item"]]
        assert one["completion_hash"] == other["completion_hash"]
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-4)
        for name in ("vector", "coef", "layer", "positions"):
            assert one[name] == other[name], name
    other = run("pool/tiny", tmp_path / "q", STEERING | {"coef": -0.5, "file": file})
    assert [r["probabilities"] for r in other] != [r["probabilities"] for r in together]
    assert {r["coef"] for r in other} == {-0.5}


def test_a_conversation_stays_at_one_replica_and_all_replicas_work(
    urls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Repeats after one completion go where its prefix is; different items spread."""
    monkeypatch.chdir(ROOT)
    args = {"file": str(pools(tmp_path, urls))}
    homes = defaultdict(set)
    for one in run("pool/tiny", tmp_path / "r", args, seeds=3):
        homes[one["item"]].add(one["endpoint"])
    assert all(len(home) == 1 for home in homes.values())
    assert set.union(*homes.values()) == {"replica-0", "replica-1"}
    choose = {"eval_file": "pairwise.py", "timing": "pre", "pairs": "random:2"}
    spread = run("pool/tiny", tmp_path / "t", args, **choose)
    assert {one["endpoint"] for one in spread} == {"replica-0", "replica-1"}


def test_two_steerings_of_a_pool_are_two_identities(urls: list[str], tmp_path: Path) -> None:
    """Neither completions nor journalled answers are shared among coefficients."""
    file = pools(tmp_path, urls)
    models = [pooled(file), *(pooled(file, vector="math", coef=c) for c in (0.25, -0.25))]
    assert len({model_identity(model, model.config) for model in models}) == 3


def test_replicas_that_differ_are_refused(urls: list[str], tiny: Any, tmp_path: Path) -> None:
    """Another vector under the same name: no run."""
    with tiny.serving(1) as odd:
        file = pools(tmp_path, [urls[0], odd])
        with pytest.raises(PrerequisiteError, match="'replica-0' and 'replica-1' do not answer"):
            pooled(file, vector="math", coef=0.1)
        pooled(file)


@pytest.mark.parametrize(
    ("kind", "args", "said"),
    [
        ("local", {"vector": "math", "coef": 0.1}, "unknown -M 'vector' of pool/tiny"),
        ("steering", {"vector": "maths", "coef": 0.1}, "has no vector 'maths'; it has: math"),
        ("steering", {"vector": "math"}, "coef is missing"),
        ("steering", {"timeout": 3}, "-M timeout is not for pools"),
        ("steering", {"colour": 3}, "unknown steering parameter 'colour'"),
    ],
)
def test_bad_arguments_are_one_line(
    urls: list[str], tmp_path: Path, kind: str, args: dict[str, Any], said: str
) -> None:
    """Steering where there is none to be had, and what the servers lack."""
    with pytest.raises(PrerequisiteError, match=said):
        pooled(pools(tmp_path, urls, kind), **args)


def test_an_answer_under_another_steering_is_a_failure(urls: list[str], tmp_path: Path) -> None:
    """Whatever a replica applied is compared with what was asked; nothing else is an answer."""
    applied = pooled(pools(tmp_path, urls), **STEERING).api.applied  # type: ignore[attr-defined]
    vector = {
        "name": "math",
        "sha256": applied.vectors[0].sha256,
        "coef": 0.5,
        "layers": [2],
        "norms": [0.1],
        "positions": "response",
    }
    told = {"dtype": "float32", "weights": "w", "vectors": [vector]}
    good = checked(applied, Reply(text="4", steering=told), seeded=True)
    assert good.text == "4" and good.error is None and good.seed_honoured
    assert good.steering is not None and good.steering["coef"] == 0.5
    for wrong in (None, told | {"vectors": []}, told | {"vectors": [vector | {"coef": -0.5}]}):
        bad = checked(applied, Reply(text="4", steering=wrong, endpoint="e"), seeded=True)
        assert bad.text == "" and bad.error is not None and "applied" in bad.error
        assert msgspec.structs.asdict(bad)["endpoint"] == "e"
