"""`sim/NAME`: the simulated respondent as an Inspect provider. The class loads when it is used."""

from inspect_ai.model import ModelAPI, modelapi

__all__ = ["sim"]


@modelapi(name="sim")
def sim() -> type[ModelAPI]:
    """Simulated respondents, `sim/faithful` and so on; parameters by `-M`."""
    from harness.providers.sim.api import SimAPI

    return SimAPI
