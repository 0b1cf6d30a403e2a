"""What a run of many tasks is spared, and that Inspect has it back afterwards."""

from inspect_ai._display.rich import display as rich_display
from inspect_ai._util import package

from harness.models.inspect_api import spared


def test_packages_are_read_once_and_all_is_put_back() -> None:
    """However many tasks ask what is installed, it is read once; nothing stays replaced, also
    where the run fails."""
    before = package.packages_distributions, rich_display.tasks_results
    try:
        with spared():
            found = package.packages_distributions()
            assert package.packages_distributions() is found
            assert "inspect_ai" in found
            raise KeyError
    except KeyError:
        pass
    assert (package.packages_distributions, rich_display.tasks_results) == before
