"""Generation settings of each stage, on top of what the user gave Inspect."""

from typing import TypeVar

from inspect_ai.model import GenerateConfig, Model

from harness.errors import UsageError
from harness.measuring.options import Stage, Thinking
from harness.models.inspect_api import active_generate_config

__all__ = ["base_seed", "check_config", "stage_config", "thinking_config", "thinking_name"]

T = TypeVar("T")

_EFFORTS = ("minimal", "low", "medium", "high", "xhigh", "max")
_UNTOUCHED_TEMPERATURE = 1.0


def stage_config(
    model: Model, stage: Stage, *, max_tokens: int | None, rater: bool, where: str
) -> GenerateConfig:
    """The whole configuration of a stage's calls, so that its identity can be told.

    A stage's own option stands over what the user gave Inspect (`--temperature`, …), and that
    over the stage's default: temperature 1 and `max_tokens`. Inspect's options apply to the model
    under evaluation; a role brings its own.
    """
    given = model.config.merge(active_generate_config()) if rater else model.config
    chosen = GenerateConfig(
        temperature=_first(stage.temperature, given.temperature, _UNTOUCHED_TEMPERATURE),
        max_tokens=_first(stage.max_tokens, given.max_tokens, max_tokens),
        stop_seqs=[stage.stop] if stage.stop else given.stop_seqs,
    )
    return given.merge(chosen).merge(thinking_config(stage.thinking, option=f"{where}_thinking"))


def check_config(config: GenerateConfig) -> None:
    """UsageError for options of Inspect's that would change what a repeat is."""
    if config.num_choices not in (None, 1):
        raise UsageError(
            f"--num-choices {config.num_choices}; expected 1 (repeats are -T seeds=N or --epochs N)"
        )


def base_seed(model: Model, *, rater: bool) -> int:
    """The generation seed of repeat 0: `--seed`, else 0."""
    given = model.config.merge(active_generate_config()) if rater else model.config
    return given.seed or 0


def thinking_name(config: GenerateConfig) -> str | None:
    """How the record says the thinking setting; None where none was chosen."""
    if config.reasoning_tokens is not None:
        return str(config.reasoning_tokens)
    if config.reasoning_effort is not None:
        return "off" if config.reasoning_effort == "none" else config.reasoning_effort
    return None


def _first(*values: T | None) -> T | None:
    return next((value for value in values if value is not None), None)


def thinking_config(value: Thinking, *, option: str) -> GenerateConfig:
    """`on`, `off`, an effort or a number of tokens as Inspect's options; UsageError otherwise."""
    if value is None:
        return GenerateConfig()
    if value is False or value == "off":
        return GenerateConfig(reasoning_effort="none")
    if value is True or value == "on":
        return GenerateConfig(reasoning_effort="medium")
    if isinstance(value, str) and value in _EFFORTS:
        return GenerateConfig(reasoning_effort=value)  # type: ignore[arg-type]
    try:
        tokens = int(value)
    except ValueError:
        tokens = 0
    if tokens < 1:
        raise UsageError(
            f"{option}={value!r}; expected on, off, one of {', '.join(_EFFORTS)}, or a number of "
            "tokens"
        )
    return GenerateConfig(reasoning_tokens=tokens)
