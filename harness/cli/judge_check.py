"""`penchant judge-check`: whether a judge can be trusted."""

import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import click
import msgspec
from rich import box
from rich.table import Table
from rich.text import Text

from harness.analysis.judge_checks import Trust, counts_of, kappa_between, trust
from harness.cli.numbers import FiniteRange
from harness.errors import UsageError
from harness.measuring.journal import journal_directory
from harness.measuring.judge import Judge, JudgeSettings
from harness.measuring.judge_check import Checked, CheckText, asked_of, known, xstest
from harness.measuring.judging import judge_desk
from harness.prompts.judges import JUDGE_FORMS
from harness.records.judge_check_file import CheckedJudge
from harness.report.parts.wording import shown
from harness.screen import Console, echo

__all__ = ["judge_check"]

_FIGURES = (
    ("texts", "texts", "count"),
    ("failed", "failed", "share"),
    ("accuracy", "accuracy", "share"),
    ("sensitivity", "sensitivity", "share"),
    ("specificity", "specificity", "share"),
    ("turned", "shift, classes turned", "number"),
    ("turned_changed", "changed, classes turned", "share"),
    ("paraphrased", "shift, other wording", "number"),
    ("paraphrased_changed", "changed, other wording", "share"),
    ("cold", "repeats, temperature 0", "share"),
    ("hot", "repeats, temperature 1", "share"),
)


@click.command("judge-check")
@click.option("--judge", "model", required=True, metavar="MODEL", help="As Inspect names models.")
@click.option("--judge2", "second", metavar="MODEL", help="A second judge, for Cohen's κ.")
@click.option("-M", "given", multiple=True, metavar="NAME=VALUE", help="Argument of --judge.")
@click.option("--M2", "given2", multiple=True, metavar="NAME=VALUE", help="Argument of --judge2.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(list(JUDGE_FORMS)),
    help="Kind of judgement; may be repeated. Default: all.",
)
@click.option(
    "--xstest",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Responses to XSTest as JSON lines (response, human_label), for refusals as well.",
)
@click.option("--repeats", default=3, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--effects/--no-effects",
    default=True,
    help="Also ask warm, with the classes turned, and in other words.",
)
@click.option("--timeout", default=120.0, show_default=True, type=FiniteRange(min=0.001))
@click.option("--max-calls", type=click.IntRange(min=1), help="Ask at most so many questions.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where verdicts are kept.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the counts as JSON, for `penchant report --judge-check`.",
)
@click.option("--json", "print_json", is_flag=True, help="Print every figure as JSON.")
def judge_check(
    model: str,
    second: str | None,
    given: tuple[str, ...],
    given2: tuple[str, ...],
    kinds: tuple[str, ...],
    file: Path | None,
    repeats: int,
    effects: bool,
    timeout: float,
    max_calls: int | None,
    folder: Path | None,
    output: Path | None,
    print_json: bool,
) -> None:
    """Ask a judge about texts whose verdicts are known; print how far it can be trusted.

    Accuracy and error rates have Wilson 95 % intervals. A shift is how much more often a yes comes
    when the classes are listed the other way round, or the question is put in other words. Repeats
    are texts judged alike every time. Verdicts are kept: asked again, nothing is asked twice.

    \b
    penchant judge-check --judge sim/judge -M false_positive=0.1 --kind refusal
    penchant judge-check --judge openai/gpt-5-mini --xstest xstest.jsonl -o check.json
    """
    wanted = kinds or tuple(JUDGE_FORMS)
    texts = [text for kind in wanted for text in known(kind)]
    if file is not None:
        if "refusal" not in wanted:
            raise UsageError("--xstest judges refusals; expected --kind refusal, or no --kind")
        texts += xstest(file)
    base = folder or journal_directory(f"{os.environ.get('INSPECT_LOG_DIR', 'logs')}/log.eval")
    settings = JudgeSettings(timeout=timeout)
    names = [(model, given), *([(second, given2)] if second is not None else [])]
    ask = partial(_ask, texts=texts, settings=settings, repeats=repeats, effects=effects)
    judged = [
        anyio.run(partial(ask, name, arguments, folder=base.absolute(), max_calls=max_calls))
        for name, arguments in names
    ]
    judge, checked = judged[0]
    found = [trust(checked, kind) for kind in wanted]
    kappas = {
        kind: kappa_between(checked, judged[1][1], kind) if second is not None else None
        for kind in wanted
    }
    if output is not None:
        output.write_bytes(msgspec.json.encode(_file(judge, checked, wanted)))
    if print_json:
        echo(json.dumps(_as_json(judge, found, kappas), indent=1, ensure_ascii=False))
    else:
        Console(width=None if os.isatty(1) else 140).print(_table(judge, found, kappas))
    if output is not None:
        echo(f"written: {output}", err=print_json)


async def _ask(
    name: str,
    given: Sequence[str],
    *,
    texts: Sequence[CheckText],
    settings: JudgeSettings,
    repeats: int,
    effects: bool,
    folder: Path,
    max_calls: int | None,
) -> tuple[Judge, list[Checked]]:
    from inspect_ai.model import get_model

    model = get_model(name, memoize=False, **_arguments(given))

    def at(temperature: float, count: int) -> Judge:
        own = msgspec.structs.replace(settings, temperature=temperature, repeats=count)
        return Judge(model, own)

    desk = judge_desk(folder, max_calls=max_calls)
    async with model:
        checked = await asked_of(desk, at, texts, repeats=repeats, effects=effects)
    return at(0.0, 1), checked


def _arguments(given: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for one in given:
        name, equals, text = one.partition("=")
        if not equals:
            raise UsageError(f"-M {one!r}; expected NAME=VALUE")
        try:
            values[name] = json.loads(text)
        except (ValueError, RecursionError):
            values[name] = text
    return values


def _file(judge: Judge, checked: Sequence[Checked], kinds: Sequence[str]) -> CheckedJudge:
    asked = [kind for kind in kinds if kind in ("refusal", "sysprompt_reference", "coherence")]
    return CheckedJudge(
        judge=str(judge.model),
        judge_identity=judge.identity,
        kinds=[counts_of(checked, kind, JUDGE_FORMS[kind].hash) for kind in asked],
    )


def _as_json(judge: Judge, found: Sequence[Trust], kappas: dict[str, Any]) -> dict[str, Any]:
    return {
        "judge": str(judge.model),
        "judge_identity": judge.identity,
        "kinds": [
            {"kind": one.kind}
            | {name: msgspec.to_builtins(getattr(one, name)) for name, _, _ in _FIGURES}
            | {"kappa": msgspec.to_builtins(kappas[one.kind])}
            for one in found
        ],
    }


def _table(judge: Judge, found: Sequence[Trust], kappas: dict[str, Any]) -> Table:
    table = Table(
        title=f"{judge.model} ({judge.identity[:8]})", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    table.add_column("", overflow="fold")
    for one in found:
        table.add_column(one.kind, justify="right", overflow="fold")
    for name, title, form in _FIGURES:
        cells = [shown(getattr(one, name), form) for one in found]  # type: ignore[arg-type]
        table.add_row(title, *map(Text, cells))
    if any(kappa is not None for kappa in kappas.values()):
        cells = [shown(kappas[one.kind], "number") for one in found]
        table.add_row("κ with the second judge", *map(Text, cells))
    return table
