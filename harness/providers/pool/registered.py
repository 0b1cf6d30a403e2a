"""`pool/NAME`: rate-limited fan-out over endpoints. The class loads when it is used."""

from inspect_ai.model import ModelAPI, modelapi

__all__ = ["pool"]


@modelapi(name="pool")
def pool() -> type[ModelAPI]:
    """The pool NAME of a pool file (`-M file=pools.toml`, `-M label=…`)."""
    from harness.providers.pool.api import PoolAPI

    return PoolAPI
