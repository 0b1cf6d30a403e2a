"""The arrows between packages, read from the imports."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("evals", "harness", "scorers", "solvers", "steering_server")

ALLOWED = {
    "evals": {"evals", "solvers", "scorers", "harness"},
    "solvers": {"solvers", "harness"},
    "scorers": {"scorers", "harness"},
    "harness": {"harness"},
    "steering_server": {"steering_server", "harness"},
}

ORDER = ("cli", "studies", "report", "stats", "records")
"""Inside harness: each may import what stands after it, none what stands before."""

GROUND = {"items", "prompts", "text", "wire", "errors"}
"""Parts of harness that stand on each other alone."""

FOR_STEERING = {"wire", "items", "prompts", "errors"}


def modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield name.removesuffix(".__init__"), path


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
    return found


def breaches(name: str, imported: set[str]) -> list[str]:
    """Imports of one module that point the wrong way."""
    ours = {module for module in imported if module.split(".")[0] in PACKAGES}
    package = name.split(".")[0]
    wrong = [module for module in ours if module.split(".")[0] not in ALLOWED[package]]
    if package == "steering_server":
        wrong += [
            module
            for module in ours
            if module.startswith("harness.") and module.split(".")[1] not in FOR_STEERING
        ]
    elif any(module.split(".")[0] == "torch" for module in imported):
        wrong.append("torch")
    if package == "harness":
        wrong += _inside_harness(name, ours)
    return wrong


def _inside_harness(name: str, ours: set[str]) -> list[str]:
    part = name.split(".")[1] if "." in name else ""
    targets = {module: module.split(".")[1] for module in ours if "." in module}
    if part in GROUND:
        return [module for module, target in targets.items() if target not in GROUND]
    if part in ORDER:
        before = set(ORDER[: ORDER.index(part)])
        return [module for module, target in targets.items() if target in before]
    # Whatever else is in harness (the run's own machinery) is used by the command line alone.
    return [module for module, target in targets.items() if target == "cli"]


def test_imports_follow_the_arrows() -> None:
    """evals → solvers, scorers → harness; cli → studies → report → stats → records."""
    wrong = {name: found for name, path in modules() if (found := breaches(name, imports(path)))}
    assert wrong == {}


@pytest.mark.parametrize(
    ("name", "imported"),
    [
        ("harness.stats.ratings.icc", {"harness.report.page"}),
        ("harness.text.parse", {"harness.records.record"}),
        ("solvers.rate", {"scorers.rating"}),
        ("steering_server.http.app", {"harness.records.record"}),
        ("harness.providers.steering.registered", {"torch"}),
        ("harness.measuring.session", {"harness.cli.main"}),
    ],
)
def test_a_back_arrow_is_seen(name: str, imported: set[str]) -> None:
    """The check above can fail."""
    assert breaches(name, imported)


def test_harness_packages_hold_nothing_themselves() -> None:
    """`harness/__init__.py` and its subpackages' are empty."""
    for path in (ROOT / "harness").rglob("__init__.py"):
        assert path.read_text().strip() == "", path


def test_public_names_are_declared_and_there() -> None:
    """Every module with public names declares them, and each name in `__all__` is defined."""
    for name, path in modules():
        tree = ast.parse(path.read_text())
        defined = {
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and not _subcommand(node)
        }
        declared = [
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign)
            and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
        ]
        public = {item for item in defined if not item.startswith("_")}
        if not declared:
            assert name.startswith("evals.") or not public, f"{name} declares no __all__"
            continue
        missing = public - set(declared[0])
        assert not missing, f"{name}: {sorted(missing)} visible but not in __all__"


def _subcommand(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Whether a function is reached through its click group (`@group.command()`)."""
    calls = [one.func for one in node.decorator_list if isinstance(one, ast.Call)]
    return any(
        isinstance(call, ast.Attribute)
        and call.attr == "command"
        and isinstance(call.value, ast.Name)
        and call.value.id != "click"
        for call in calls
    )
