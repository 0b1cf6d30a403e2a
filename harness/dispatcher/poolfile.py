"""The pool file: which endpoints serve one and the same model, and within which limits.

::

    [gemma-27b]                                   # pool/gemma-27b

    [[gemma-27b.endpoints]]
    url = "https://openrouter.ai/api/v1"          # OpenAI-compatible: the fast path
    model = "google/gemma-3-27b-it"               # its id there
    key_env = "OPENROUTER_API_KEY"                # the variable's name, never the key
    backends = ["deepinfra"]                      # OpenRouter: this order and no other
    rpm = 600
    tpm = 1_000_000
    price_in = 0.10                               # US dollars per million tokens
    price_out = 0.20
    equivalence = "bf16"

    [[gemma-27b.endpoints]]
    inspect_model = "google/gemma-3-27b-it"       # any Inspect model: delegated
    equivalence = "bf16"
"""

import difflib
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

from harness.errors import UsageError
from harness.trees import toml_tree

__all__ = ["EndpointSpec", "PoolSpec", "key_of", "load_pool", "load_pools"]

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]

_STEERING_CONCURRENCY = 64
"""A steering server computes batches of about as many, and queues the rest."""


class EndpointSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place that serves the model.

    Either `url` and `model`, or `inspect_model`. Limits are per minute (`rpm`, `tpm`, and
    `tpm_in` / `tpm_out` where the provider splits them) or second (`rps`). Prices are US dollars
    per million tokens. `kind` local means a server with slots of its own, whose limit shows as
    latency; steering a steering server, whose steering comes with the run (-M vector, coef, layer,
    positions), with 64 requests at a time unless told otherwise. Only endpoints of one
    `equivalence` label are ever mixed. `reserve` says how many output tokens a request holds until
    its usage is known. `timeout` is in seconds.
    """

    name: str = ""
    url: str | None = None
    model: str | None = None
    inspect_model: str | None = None
    key_env: str | None = None
    rpm: Positive | None = None
    rps: Positive | None = None
    tpm: Positive | None = None
    tpm_in: Positive | None = None
    tpm_out: Positive | None = None
    max_concurrency: Count = 1000
    price_in: NotNegative = 0.0
    price_out: NotNegative = 0.0
    kind: Literal["hosted", "local", "steering"] = "hosted"
    equivalence: str = "default"
    reserve: Literal["p95", "max_tokens"] = "p95"
    timeout: Positive = 300.0
    backends: tuple[str, ...] | None = None
    tokens_field: Literal["max_tokens", "max_completion_tokens"] | None = None
    ca_file: str | None = None
    extra_body: dict[str, Any] = {}


class PoolSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The endpoints of one model.

    `label` chooses among several equivalence labels. `route` "conversation" sends everything that
    follows the same completion, or asks the same, to the same endpoint: for servers that keep a
    prefix cache, or compute together what requests have in common.
    `patience` is for how many seconds nothing may succeed before the pool counts as dead.
    """

    endpoints: tuple[EndpointSpec, ...] = ()
    label: str | None = None
    route: Literal["least_wait", "conversation"] = "least_wait"
    patience: Positive = 600.0
    name: str = ""
    file: str = ""


def load_pools(file: Path) -> dict[str, PoolSpec]:
    """Every pool of a file, by name, with labels not yet chosen.

    Raises UsageError naming file, key and value.
    """
    try:
        data = toml_tree(file.read_text("utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"no pool file {str(file)!r} (looked in {file.parent.resolve()}); "
            "give one with -M file=POOLS.toml"
        ) from None
    except (OSError, ValueError) as error:
        raise UsageError(f"pool file {file}: cannot be read as TOML: {error}") from None
    if not data:
        raise UsageError(f"pool file {file}: holds no pool; expected tables like [NAME]")
    return {name: _pool(file, name, table) for name, table in data.items()}


def load_pool(file: Path, name: str, *, label: str | None = None) -> PoolSpec:
    """The pool `name` of a file, holding the endpoints of one equivalence label only."""
    pools = load_pools(file)
    if name not in pools:
        close = difflib.get_close_matches(name, pools, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UsageError(
            f"unknown pool {name!r} in {file}: expected {' or '.join(map(repr, pools))}{hint}"
        )
    return _choose(pools[name], label)


def key_of(spec: EndpointSpec) -> str | None:
    """The endpoint's key from the environment; UsageError when the variable is not set."""
    if spec.key_env is None:
        return None
    key = os.environ.get(spec.key_env, "").strip()
    if not key:
        raise UsageError(
            f"environment variable {spec.key_env} is not set "
            f"(key_env of endpoint {spec.name!r}); export it or remove key_env"
        )
    return key


def _pool(file: Path, name: str, table: Any) -> PoolSpec:
    if not isinstance(table, dict):
        raise UsageError(f"pool file {file}: {name} = {table!r}: expected a table [{name}]")
    try:
        spec = msgspec.convert(table, PoolSpec)
    except msgspec.ValidationError as error:
        raise UsageError(_explain(file, name, table, str(error))) from None
    if not spec.endpoints:
        raise UsageError(f"pool file {file}: {name}: no endpoint; add [[{name}.endpoints]]")
    endpoints = []
    for index, endpoint in enumerate(spec.endpoints):
        where = f"pool file {file}: {name}.endpoints[{index}]"
        _check_endpoint(where, endpoint)
        named = msgspec.structs.replace(endpoint, name=endpoint.name or _default_name(endpoint))
        if named.kind == "steering" and "max_concurrency" not in table["endpoints"][index]:
            named = msgspec.structs.replace(named, max_concurrency=_STEERING_CONCURRENCY)
        endpoints.append(named)
    names = [endpoint.name for endpoint in endpoints]
    for endpoint_name in names:
        if names.count(endpoint_name) > 1:
            raise UsageError(
                f"pool file {file}: {name}: two endpoints are called {endpoint_name!r}; "
                "give each a name of its own"
            )
    return msgspec.structs.replace(spec, endpoints=tuple(endpoints), name=name, file=str(file))


def _explain(file: Path, name: str, table: Any, message: str) -> str:
    """`msgspec`'s complaint with the pool's path and the value that stood there."""
    reason, _, path = message.partition(" - at `$")
    path = path.rstrip("`")
    value: Any = table
    for step in re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", path):
        try:
            value = value[step[0]] if step[0] else value[int(step[1])]
        except (KeyError, IndexError, TypeError):
            break
    where = f"pool file {file}: {name}{path}"
    unknown = re.search(r"unknown field `(.*)`", reason)
    if unknown:
        allowed = EndpointSpec if path.startswith(".endpoints") else PoolSpec
        fields = [f for f in allowed.__struct_fields__ if f not in ("file",)]
        close = difflib.get_close_matches(unknown[1], fields, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(fields)}"
        return f"{where}: unknown key {unknown[1]!r}; {hint}"
    shown = "" if isinstance(value, dict | list) else f" = {value!r}"
    return f"{where}{shown}: {reason[:1].lower()}{reason[1:]}"


def _check_endpoint(where: str, endpoint: EndpointSpec) -> None:
    if (endpoint.url is None) == (endpoint.inspect_model is None):
        raise UsageError(f"{where}: expected either url (and model) or inspect_model")
    if endpoint.url is not None:
        _check_url(where, endpoint)
    if endpoint.kind == "steering" and endpoint.url is None:
        raise UsageError(f"{where}.kind = 'steering': expected url and model of a steering server")
    if "steering" in endpoint.extra_body:
        raise UsageError(
            f"{where}.extra_body: holds steering, which records would not show; set kind = "
            '"steering" and give it with the run: -M vector=… -M coef=…'
        )
    if endpoint.inspect_model is not None:
        if endpoint.inspect_model.split("/")[0] == "pool":
            raise UsageError(
                f"{where}.inspect_model = {endpoint.inspect_model!r}: a pool cannot be an "
                "endpoint of a pool; list its endpoints here"
            )
        if "/" not in endpoint.inspect_model:
            raise UsageError(
                f"{where}.inspect_model = {endpoint.inspect_model!r}: expected PROVIDER/MODEL"
            )
    if endpoint.key_env is not None and not re.fullmatch(
        r"[A-Z_][A-Z0-9_]{0,63}", endpoint.key_env
    ):
        # The value may be a key that was pasted here: it must not reach the terminal.
        raise UsageError(
            f"{where}.key_env: expected the NAME of an environment variable, in capitals, "
            "never the key itself (value not shown)"
        )


def _check_url(where: str, endpoint: EndpointSpec) -> None:
    parts = urlsplit(endpoint.url or "")
    if parts.username or parts.password:
        raise UsageError(f"{where}.url: holds a user or password (value not shown); use key_env")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"{where}.url = {endpoint.url!r}: expected http(s)://HOST/PATH up to and including "
            "the version, as in https://openrouter.ai/api/v1"
        )
    if parts.path.rstrip("/").endswith("/chat/completions"):
        raise UsageError(f"{where}.url = {endpoint.url!r}: leave out /chat/completions")
    if not endpoint.model:
        raise UsageError(f"{where}: url without model; expected the model's id at that url")


def _default_name(endpoint: EndpointSpec) -> str:
    if endpoint.inspect_model is not None:
        return endpoint.inspect_model
    parts = urlsplit(endpoint.url or "")
    return parts.netloc


def _choose(spec: PoolSpec, label: str | None) -> PoolSpec:
    label = label if label is not None else spec.label
    labels = sorted({endpoint.equivalence for endpoint in spec.endpoints})
    where = f"pool {spec.name!r} in {spec.file}"
    if label is None and len(labels) > 1:
        raise UsageError(
            f"{where} has {len(labels)} equivalence labels ({', '.join(labels)}) and measurements "
            "must not mix them; choose one with -M label=… or label = … in the pool"
        )
    if label is not None and label not in labels:
        raise UsageError(f"{where}: no endpoint of label {label!r}; expected {' or '.join(labels)}")
    chosen = label if label is not None else labels[0]
    endpoints = tuple(e for e in spec.endpoints if e.equivalence == chosen)
    if len({e.kind == "steering" for e in endpoints}) > 1:
        raise UsageError(
            f"{where}: label {chosen!r} mixes steering servers with other endpoints; give them "
            "different equivalence labels"
        )
    if any(e.extra_body != endpoints[0].extra_body for e in endpoints):
        raise UsageError(
            f"{where}: endpoints of label {chosen!r} differ in extra_body, so they do not answer "
            "alike; give them different equivalence labels"
        )
    return msgspec.structs.replace(spec, endpoints=endpoints, label=chosen)
