"""The plan of the house, read from the imports: which room may take from which."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("evals", "harness", "scorers", "solvers", "steering_server")
PUBLIC = "penchant"

FLOORS: tuple[tuple[str, ...], ...] = (
    ("penchant", "harness.cli"),
    ("evals",),
    ("harness.studies",),
    ("harness.report",),
    ("harness.analysis",),
    ("solvers", "scorers", "harness.adaptive"),
    ("harness.measuring",),
    ("harness.providers", "harness.pairs", "harness.stats"),
    ("harness.dispatcher", "harness.records"),
    ("harness.respondent",),
    ("harness.text",),
    ("harness.prompts",),
    ("harness.items", "harness.models"),
    ("harness",),
)
"""Rooms from the top down: each may take from any room below it, none from above or beside.
`harness` is the ground: `wire`, `errors`, `where`, `screen` and `notices`."""

STEERING = ("harness.items", "harness.prompts", "harness.wire", "harness.errors")
"""All that the steering server takes from this project besides its own."""

STEERING_FLOORS = (
    ("steering_server", "steering_server.commands"),
    ("steering_server.controls",),
    ("steering_server.probing", "steering_server.http"),
    ("steering_server.extraction",),
    ("steering_server.capture",),
    ("steering_server.engine", "steering_server.vectors"),
    ("steering_server.model",),
)

GROUND = {"__init__", "_registry", "errors", "notices", "screen", "trees", "where", "wire"}
MOST_FILES = 27

TWICE = {
    "Options": "a fit's and an eval's, each in the module that is always named with it",
    "State": "of a breaker and of a campaign's fit: neither is ever imported beside the other",
    "Distribution": "of probabilities over labels, and of a bar chart over levels",
    "Asked": "a question with its reply, and what a simulated respondent saw asked",
    "Verdict": "of a line that was tried, and on a text: no room takes both",
    "Measure": "of a run, and of a simulated respondent's answer",
}
"""Public classes with one name in several rooms, and why."""


def modules(packages: tuple[str, ...] = PACKAGES) -> Iterator[tuple[str, Path]]:
    yield PUBLIC, ROOT / f"{PUBLIC}.py"
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield name.removesuffix(".__init__"), path


NAMES = {name for name, _ in modules()}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            inside = {f"{module}.{alias.name}" for alias in node.names} & NAMES
            found |= inside or {module}
    return found


def folder(module: str) -> str:
    """The folder that a module lies in, dotted."""
    return module.rpartition(".")[0] or module


def floor(module: str, floors: tuple[tuple[str, ...], ...]) -> tuple[int, str]:
    """The floor and the room that a module lies in: the longest name that holds it."""
    found = [
        (len(room), number, room)
        for number, rooms in enumerate(floors)
        for room in rooms
        if module == room or module.startswith(f"{room}.")
    ]
    _, number, room = max(found)
    return number, room


def breaches(name: str, imported: set[str]) -> list[str]:
    """Imports of one module that do not go down."""
    ours = {module for module in imported if module.split(".")[0] in (*PACKAGES, PUBLIC)}
    if name.endswith("_registry"):  # imports alone, of everything that Inspect must know
        return []
    if name.split(".")[0] == "steering_server":
        return _of_steering(name, ours)
    wrong = [module for module in imported if module.split(".")[0] == "torch"]
    level, room = floor(name, FLOORS)
    for module in ours:
        if module.startswith("steering_server"):
            wrong.append(module)
            continue
        below, other = floor(module, FLOORS)
        if other != room and below <= level:
            wrong.append(module)
    return wrong


def _of_steering(name: str, ours: set[str]) -> list[str]:
    wrong = []
    level, room = floor(name, STEERING_FLOORS)
    for module in ours:
        if module.startswith("steering_server"):
            below, other = floor(module, STEERING_FLOORS)
            if other != room and below <= level and name != "steering_server.cli":
                wrong.append(module)
        elif not module.startswith(STEERING):
            wrong.append(module)
    return wrong


def circles(arrows: dict[str, set[str]]) -> list[str]:
    """Folders from which a way leads back to themselves."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        left = list(arrows.get(start, ()))
        while left:
            one = left.pop()
            if one not in seen:
                seen.add(one)
                left += arrows.get(one, ())
        return seen

    return sorted(name for name in arrows if name in reached(name))


def test_imports_go_down() -> None:
    """Every import of every module leads to a lower floor, or stays in its room."""
    wrong = {name: found for name, path in modules() if (found := breaches(name, imports(path)))}
    assert wrong == {}


@pytest.mark.parametrize(
    ("name", "imported"),
    [
        ("harness.stats.ratings.icc", {"harness.report.page"}),
        ("harness.stats.ratings.icc", {"harness.analysis.cells"}),
        ("harness.text.parse", {"harness.records.record"}),
        ("harness.records.reading", {"harness.measuring.measure"}),
        ("harness.pairs.presentations", {"harness.measuring.options"}),
        ("harness.analysis.ratings", {"harness.report.parts.table"}),
        ("harness.models.replies", {"harness.text.parse"}),
        ("harness.measuring.plan", {"harness.adaptive.campaign"}),
        ("harness.measuring.session", {"harness.cli.main"}),
        ("harness.studies.overview", {"evals.building"}),
        ("solvers.rate", {"scorers.rating"}),
        ("steering_server.http.app", {"harness.records.record"}),
        ("steering_server.http.app", {"harness.notices"}),
        ("steering_server.model.hooks", {"steering_server.engine.runner"}),
        ("harness.providers.steering.api", {"torch"}),
        ("harness.providers.steering.api", {"steering_server.http.app"}),
    ],
)
def test_an_arrow_upward_is_seen(name: str, imported: set[str]) -> None:
    """The check above can fail."""
    assert breaches(name, imported)


def test_folders_form_no_circle() -> None:
    """Nor do the rooms' own parts: no way leads from a folder back to itself."""
    arrows: dict[str, set[str]] = {}
    for name, path in modules():
        if name.endswith("_registry"):
            continue
        here = folder(name) if path.name != "__init__.py" else name
        for module in imports(path) & NAMES:
            if folder(module) != here:
                arrows.setdefault(here, set()).add(folder(module))
    assert circles(arrows) == []
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a", "b", "c"]


def test_a_folder_holds_one_idea() -> None:
    """At most so many files a folder, and none loose in harness but the ground."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("__init__.py"):
            files = list(path.parent.glob("*.py"))
            assert len(files) <= MOST_FILES, f"{path.parent}: {len(files)} files"
    loose = {path.stem for path in (ROOT / "harness").glob("*.py")}
    assert loose <= GROUND, loose - GROUND


def test_harness_packages_hold_nothing_themselves() -> None:
    """`harness/__init__.py` and its subpackages' are empty."""
    for path in (ROOT / "harness").rglob("__init__.py"):
        assert path.read_text().strip() == "", path


def test_a_public_class_has_a_name_of_its_own() -> None:
    """No two public classes of harness share a name, but those with a reason."""
    seen: dict[str, list[str]] = {}
    for name, path in modules(("harness",)):
        for node in ast.parse(path.read_text()).body:
            inside = name != PUBLIC and isinstance(node, ast.ClassDef)
            if inside and not node.name.startswith("_"):
                seen.setdefault(node.name, []).append(name)
    twice = {name for name, where in seen.items() if len(where) > 1}
    assert twice == set(TWICE)


def test_public_names_are_declared_and_there() -> None:
    """Every module with public names declares them, and each name in `__all__` is defined."""
    for name, path in modules():
        if name == PUBLIC:  # its names are lazy; its own test has them
            continue
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
