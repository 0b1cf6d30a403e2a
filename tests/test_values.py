"""What passes from one part to another is a value: nobody changes it on the way."""

import dataclasses
import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import harness
from harness.measuring.options import Options

DEFAULTS = Path(__file__).with_name("defaults.json")
CHANGING = {
    "harness.adaptive.against.Against",
    "harness.adaptive.campaign.Campaign",
    "harness.dispatcher.calls.wiretap.Heard",
    "harness.dispatcher.job.Flight",
    "harness.dispatcher.job.Job",
    "harness.dispatcher.job.Ticket",
    "harness.dispatcher.ledger.Account",
    "harness.dispatcher.ledger.Entry",
    "harness.dispatcher.ledger.Spent",
    "harness.dispatcher.queue._Flow",
    "harness.dispatcher.verdict.Verdict",
    "harness.measuring.completions._UnderWay",
    "harness.measuring.judging.Desk",
    "harness.measuring.judging._Folder",
    "harness.measuring.money.Purse",
    "harness.measuring.session.Counter",
    "harness.measuring.session.Session",
    "harness.models.block.Block",
    "harness.pairs.balance.Balance",
    "harness.records.scored.Scored",
    "harness.report.folder._Files",
    "harness.respondent.chat.Chat",
    "harness.respondent.chat._Function",
    "harness.respondent.chat._Tool",
    "harness.respondent.chat._Turn",
    "harness.studies.comparing._Report",
    "harness.studies.forecast._Completed",
    "harness.studies.forecast._Sum",
    "harness.studies.spending._Line",
}
"""What counts, or holds what is under way."""


def _classes() -> Iterator[Any]:
    for module in pkgutil.walk_packages(harness.__path__, "harness."):
        found = importlib.import_module(module.name)
        for one in vars(found).values():
            if inspect.isclass(one) and one.__module__ == found.__name__:
                yield one


def test_values_are_frozen() -> None:
    """Every struct and data class cannot be changed, but those that count."""
    loose = set()
    for one in _classes():
        if issubclass(one, msgspec.Struct):
            frozen = bool(one.__struct_config__.frozen)
        elif dataclasses.is_dataclass(one):
            frozen = bool(getattr(one, "__dataclass_params__").frozen)  # noqa: B009 (no stub has it)
        else:
            continue
        if not frozen:
            loose.add(f"{one.__module__}.{one.__name__}")
    assert loose == CHANGING


def defaults() -> dict[str, dict[str, str]]:
    """Of every struct, what a member is where nobody says it."""
    found: dict[str, dict[str, str]] = {}
    for one in _classes():
        if not issubclass(one, msgspec.Struct) or one.__name__.startswith("_"):
            continue
        own = {
            field.name: repr(field.default)
            for field in msgspec.structs.fields(one)
            if field.default is not msgspec.NODEFAULT
        }
        if own:
            found[f"{one.__module__}.{one.__name__}"] = own
    return found


def test_what_a_file_leaves_out_means_what_it_meant() -> None:
    """Logs, journals and tables leave out what is the default, and options of earlier runs were
    taken with theirs: `tests/defaults.json` has them. A new member is added there
    (`python -m tests.test_values`); one that stands there does not change its default."""
    assert defaults() == json.loads(DEFAULTS.read_text(encoding="utf-8"))


def test_options_forbid_what_they_do_not_know() -> None:
    """A name that no eval knows is an error in each of them: a setting misspelt is not in force."""
    options = [one for one in _classes() if issubclass(one, Options)]
    assert len(options) > 5
    for one in options:
        with pytest.raises(msgspec.ValidationError, match="unknown field `sedes`"):
            msgspec.convert({"sedes": 3}, one)


if __name__ == "__main__":
    DEFAULTS.write_text(json.dumps(defaults(), indent=1) + "\n", encoding="utf-8")
