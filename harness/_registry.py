"""What Inspect loads by entry point: imports alone."""

from harness.providers.sim import sim
from harness.run_hooks import RunHooks

__all__ = ["RunHooks", "sim"]
