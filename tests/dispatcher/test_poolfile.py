"""Pool files: each fault is one clear line."""

from pathlib import Path

import pytest

from harness.dispatcher.poolfile import key_of, load_pool, load_pools
from harness.errors import UsageError

GOOD = """
[gemma]
[[gemma.endpoints]]
name = "a"
url = "https://a.example/v1"
model = "gemma"
key_env = "A_KEY"
rpm = 600
[[gemma.endpoints]]
url = "https://b.example/v1"
model = "gemma"
"""


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "pools.toml"
    file.write_text(text, "utf-8")
    return file


def test_good(tmp_path: Path) -> None:
    """Endpoints come in order, a nameless one is called after its host."""
    spec = load_pool(write(tmp_path, GOOD), "gemma")
    assert [endpoint.name for endpoint in spec.endpoints] == ["a", "b.example"]
    assert spec.label == "default"


BAD = {
    "unknown key": (
        "rpm = 600",
        "rpmm = 6",
        ["gemma.endpoints[0]", "'rpmm'", "did you mean 'rpm'"],
    ),
    "negative rpm": ("rpm = 600", "rpm = -5", ["gemma.endpoints[0].rpm", "-5", "> 0"]),
    "wrong type": ("rpm = 600", 'rpm = "many"', ["endpoints[0].rpm", "'many'", "float"]),
    "no url": ('url = "https://a.example/v1"\n', "", ["endpoints[0]", "url", "inspect_model"]),
    "no model": ('model = "gemma"\nkey', "key", ["endpoints[0]", "without model"]),
    "bad url": ("https://a.example/v1", "a.example/v1", ["'a.example/v1'", "http(s)://"]),
    "full route": ("a.example/v1", "a.example/v1/chat/completions", ["leave out"]),
    "self-reference": (
        'url = "https://a.example/v1"\nmodel = "gemma"',
        'inspect_model = "pool/gemma"',
        ["'pool/gemma'", "cannot be an endpoint"],
    ),
    "twice": ("[[gemma.endpoints]]\nurl", '[[gemma.endpoints]]\nname = "a"\nurl', ["'a'", "two"]),
    "not TOML": ("rpm = 600", "rpm = = 600", ["cannot be read as TOML"]),
    "bad kind": ("rpm = 600", 'kind = "remote"', ["endpoints[0].kind", "'remote'"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad(tmp_path: Path, case: str) -> None:
    """A bad file is one line that names the file, the place and the value."""
    old, new, words = BAD[case]
    file = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        load_pools(file)
    line = str(caught.value)
    assert "\n" not in line
    assert "pools.toml" in line
    for word in words:
        assert word in line


def test_no_endpoint(tmp_path: Path) -> None:
    """A pool without endpoints is refused."""
    with pytest.raises(UsageError, match=r"gemma: no endpoint"):
        load_pools(write(tmp_path, "[gemma]\npatience = 5\n"))


def test_unknown_pool(tmp_path: Path) -> None:
    """A name that is not in the file is met with those that are."""
    with pytest.raises(UsageError, match=r"'gema'.*did you mean 'gemma'"):
        load_pool(write(tmp_path, GOOD), "gema")


def test_no_file(tmp_path: Path) -> None:
    """A file that is not there is named, with the folder that was searched."""
    with pytest.raises(UsageError, match=r"no pool file .*nowhere\.toml"):
        load_pools(tmp_path / "nowhere.toml")


def test_labels(tmp_path: Path) -> None:
    """Two equivalence labels are never mixed: one must be chosen, by a name that exists."""
    text = GOOD.replace("rpm = 600", 'equivalence = "bf16"')
    file = write(tmp_path, text)
    with pytest.raises(UsageError, match=r"2 equivalence labels \(bf16, default\)"):
        load_pool(file, "gemma")
    assert [e.name for e in load_pool(file, "gemma", label="bf16").endpoints] == ["a"]
    with pytest.raises(UsageError, match=r"no endpoint of label 'fp8'"):
        load_pool(file, "gemma", label="fp8")


def test_unequal_extras(tmp_path: Path) -> None:
    """Endpoints that send different extras do not answer alike."""
    text = GOOD.replace("rpm = 600", "extra_body = { top_k = 5 }")
    with pytest.raises(UsageError, match="differ in extra_body"):
        load_pool(write(tmp_path, text), "gemma")


def test_steering_is_neither_hidden_nor_mixed(tmp_path: Path) -> None:
    """Steering comes with the run; steering servers pool with their like only."""
    hidden = GOOD.replace("rpm = 600", 'extra_body = { steering = { vector = "x" } }')
    with pytest.raises(UsageError, match=r"endpoints\[0\].extra_body: holds steering"):
        load_pool(write(tmp_path, hidden), "gemma")
    mixed = GOOD.replace("rpm = 600", 'kind = "steering"')
    with pytest.raises(UsageError, match="mixes steering servers with other endpoints"):
        load_pool(write(tmp_path, mixed), "gemma")
    apart = GOOD.replace("rpm = 600", 'kind = "steering"\nequivalence = "steered"')
    (endpoint,) = load_pool(write(tmp_path, apart), "gemma", label="steered").endpoints
    assert endpoint.max_concurrency == 64
    delegated = '[x]\n[[x.endpoints]]\ninspect_model = "steering/m"\nkind = "steering"\n'
    with pytest.raises(UsageError, match="expected url and model of a steering server"):
        load_pool(write(tmp_path, delegated), "x")


def test_pasted_key(tmp_path: Path) -> None:
    """A key pasted where the variable's name belongs is refused and not repeated."""
    with pytest.raises(UsageError) as caught:
        load_pools(write(tmp_path, GOOD.replace("A_KEY", "sk-or-v1-canary")))
    assert "canary" not in str(caught.value)
    with pytest.raises(UsageError) as caught:
        load_pools(write(tmp_path, GOOD.replace("//a.", "//user:canary@a.")))
    assert "canary" not in str(caught.value)


def test_missing_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is not set, or empty, is named."""
    spec = load_pool(write(tmp_path, GOOD), "gemma").endpoints[0]
    for value in (None, " "):
        if value is None:
            monkeypatch.delenv("A_KEY", raising=False)
        else:
            monkeypatch.setenv("A_KEY", value)
        with pytest.raises(UsageError, match="A_KEY is not set"):
            key_of(spec)
    monkeypatch.setenv("A_KEY", "secret")
    assert key_of(spec) == "secret"
