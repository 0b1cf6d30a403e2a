"""What a person should know of a run before it asks anything."""

from collections.abc import Iterator

from inspect_ai.model import Model

from harness.models.inspect_api import active_generate_config, model_roles
from harness.models.upstreams import unpinned

__all__ = ["warnings_of"]


def warnings_of(rater: Model) -> Iterator[str]:
    """Lines on the settings of the running task: the model under evaluation and its roles."""
    given = rater.config.merge(active_generate_config())
    routed = unpinned(rater, given)
    for found in model_roles().values():
        for model in found if isinstance(found, list) else [found]:
            if isinstance(model, Model):
                routed += unpinned(model, model.config)
    if routed:
        yield (
            f"{' and '.join(dict.fromkeys(routed))}: OpenRouter answers from whichever back end it "
            "likes, at whichever quantisation; pin one (backends = […] in a pool file, "
            "-M provider='{only: [NAME]}' for openrouter/)"
        )
    if given.cache:
        yield (
            "--cache has no effect: Inspect's cache would give one answer to every repeat, so each "
            "question is asked; a run that is resumed reads its journal"
        )
