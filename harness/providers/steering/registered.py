"""`steering/NAME`: a model behind the steering server. The class loads when it is used."""

from inspect_ai.model import ModelAPI, modelapi

__all__ = ["steering"]


@modelapi(name="steering")
def steering() -> type[ModelAPI]:
    """A hooked model with activation steering; `vector`, `coef`, `layer`, `positions` by `-M`."""
    from harness.providers.steering.api import SteeringAPI

    return SteeringAPI
