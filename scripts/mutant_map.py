"""A pytest plugin: which test runs which line of the rooms, and how long each takes.

    python -m pytest -p scripts.mutant_map --map-rooms measuring,text --map-to map.json tests/text

What runs in other processes is not seen; what runs while modules are imported belongs to no test.
"""

import json
import time
from collections import defaultdict
from pathlib import Path

import coverage
import pytest

__all__ = ["pytest_addoption", "pytest_configure"]

ROOT = Path(__file__).resolve().parents[1]


class Map:
    """Traces the rooms' files, and names the test that is running."""

    def __init__(self, rooms: list[str], to: Path) -> None:
        self._to = to
        self._seconds: dict[str, float] = {}
        self._began = 0.0
        self._traced = coverage.Coverage(
            data_file=None, config_file=False, include=[f"{ROOT}/harness/{one}/*" for one in rooms]
        )
        self._traced.start()

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """All that a test runs is its own, its fixtures too."""
        self._began = time.process_time()
        self._traced.switch_context(item.nodeid)

    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """CPU time, as other tests may run beside."""
        self._seconds[item.nodeid] = time.process_time() - self._began

    def pytest_sessionfinish(self) -> None:
        """Write the map: by file, by line, the tests; and seconds by test."""
        self._traced.stop()
        data = self._traced.get_data()
        lines: dict[str, dict[int, list[str]]] = defaultdict(dict)
        for file in data.measured_files():
            name = str(Path(file).relative_to(ROOT))
            for line, tests in data.contexts_by_lineno(file).items():
                lines[name][line] = sorted(one for one in tests if one)
        self._to.write_text(json.dumps({"lines": lines, "seconds": self._seconds}))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Rooms below `harness/`, and the file to write."""
    parser.addoption("--map-rooms", default="")
    parser.addoption("--map-to", default="map.json")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to trace before the tests are read."""
    rooms = [one for one in config.getoption("--map-rooms").split(",") if one]
    if rooms:
        config.pluginmanager.register(Map(rooms, Path(config.getoption("--map-to"))))
