"""`penchant templates`: the measurement templates and system prompts, as they are asked."""

import json
from pathlib import Path
from typing import get_args

import click

from harness.cli.listing import WholeGroup
from harness.prompts.catalogue import TEMPLATES, get_template
from harness.prompts.conditions import CONDITIONS, DO_NOT_MENTION
from harness.prompts.contexts import CONTEXTS
from harness.prompts.labels import label_pair
from harness.prompts.render import question_text, timing_of
from harness.prompts.response import RESPONSES, response_name, tool_info
from harness.prompts.template import THIRD_LABELS, Kind, Template, Timing
from harness.prompts.worded import wordings_of
from harness.screen import echo

__all__ = ["template_toml", "templates"]


@click.group(cls=WholeGroup)
def templates() -> None:
    """List the measurement templates and show how they are asked.

    \b
    penchant templates list
    penchant templates show enjoy_most --response reasoned
    penchant templates show anchored_1_5 --toml > my_scale.toml
    """


@templates.command("list")
@click.option("--kind", type=click.Choice(get_args(Kind)), help="Only ratings or only choices.")
def list_templates(kind: Kind | None) -> None:
    """List the built-in templates: name, kind, timing, labels and hash of the content.

    \b
    penchant templates list --kind rating
    """
    for template in TEMPLATES.values():
        if kind in (None, template.kind):
            timing = " or ".join(template.timings)
            echo(
                f"{template.name:<23} {template.kind:<7} {timing:<12} {_labels(template):<22} "
                f"{template.asked_hash(template.timings[0])}"
            )


@templates.command()
@click.argument("name")
@click.option("--response", default="plain", show_default=True, help=", ".join(RESPONSES))
@click.option("--timing", type=click.Choice(get_args(Timing)), help="Default: the template's own.")
@click.option("--labels", default="A,B", show_default=True, help="Labels of a choice.")
@click.option(
    "--toml", "as_toml", is_flag=True, help="Print the file form, for a template of yours."
)
def show(name: str, response: str, timing: Timing | None, labels: str, as_toml: bool) -> None:
    """Show the question of the template NAME, built in or a TOML file, as it is asked.

    \b
    penchant templates show fruit_rating --response xml
    """
    template = get_template(name, base=Path.cwd())
    if as_toml:
        echo(template_toml(template), nl=False)
        return
    chosen, when = response_name(response), timing_of(template, timing)
    allowed = template.labels or template.choice_labels(label_pair(labels))
    content = template.asked_hash(when)
    echo(f"{template.name} (version {template.version}, hash {content}), asked {when}")
    if template.levels:
        echo("values: " + ", ".join(f"{each.label} = {each.value:g}" for each in template.levels))
    if template.banned:
        echo("banned: " + ", ".join(template.banned))
    echo()
    echo(question_text(template, response=chosen, labels=allowed, timing=when))
    if chosen == "tool":
        echo("\n" + json.dumps(tool_info(allowed, template.kind), indent=2))


@templates.command()
@click.argument("name")
@click.option("--timing", type=click.Choice(get_args(Timing)), help="Default: the template's own.")
def wordings(name: str, timing: Timing | None) -> None:
    """List the wordings of template NAME: its own question and its paraphrases, with hashes.

    \b
    penchant templates wordings enjoy_most --timing pre
    """
    template = get_template(name, base=Path.cwd())
    when = timing_of(template, timing)
    for one in wordings_of(template, when):
        echo(one.key)
        echo(
            click.wrap_text(
                one.template.questions[when],
                initial_indent="    ",
                subsequent_indent="    ",
                preserve_paragraphs=True,
            )
        )


@templates.command()
def contexts() -> None:
    """List the neutral contexts that `-T contexts=` draws from.

    \b
    penchant templates contexts
    """
    for one in CONTEXTS:
        echo(f"{one.key}: {one.text}")


@templates.command()
def sysprompts() -> None:
    """List the named system prompts, for completion and for measurement.

    \b
    penchant templates sysprompts
    """
    for known in CONDITIONS.values():
        sign = {1: "+", -1: "-", 0: " "}[known.sign]
        echo(f"{sign} {known.name}")
        if known.text:
            echo(click.wrap_text(known.text, initial_indent="    ", subsequent_indent="    "))
    echo(f"\nIn front of each at completion time, unless switched off:\n    {DO_NOT_MENTION}")


def template_toml(template: Template) -> str:
    """`template` in the form that `-T template=FILE.toml` reads."""
    lines = [
        f"name = {json.dumps(template.name)}",
        f"version = {template.version}",
        f"kind = {json.dumps(template.kind)}",
    ]
    if template.banned:
        lines.append(f"banned = {json.dumps(list(template.banned), ensure_ascii=False)}")
    if template.completes:
        lines.append("completes = true")
    if template.third:
        lines.append(f"third = {json.dumps(template.third)}")
    if template.levels:
        levels = (
            f"  {{ label = {json.dumps(each.label, ensure_ascii=False)}, value = {each.value} }},"
            for each in template.levels
        )
        lines += ["levels = [", *levels, "]"]
    lines += ["", "[questions]"]
    lines += [f"{timing} = {_toml_text(text)}" for timing, text in template.questions.items()]
    return "\n".join(lines) + "\n"


def _toml_text(text: str) -> str:
    if "'''" in text or text.endswith("'") or not text.replace("\n", "").isprintable():
        return json.dumps(text)
    return f"'''\n{text}'''"


def _labels(template: Template) -> str:
    """The lowest and the highest label, with their values where these say something else."""
    if template.kind == "choice":
        return f"two (A,B), {THIRD_LABELS[template.third]}" if template.third else "two (A,B)"
    low, high = (
        end.label if end.label == f"{end.value:g}" else f"{end.label} = {end.value:g}"
        for end in (template.levels[0], template.levels[-1])
    )
    banned = f" without {', '.join(template.banned)}" if template.banned else ""
    return f"{low} … {high}{banned}"
