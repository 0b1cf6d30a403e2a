"""What Inspect loads by entry point: imports alone."""

from harness.adaptive.hooks import CampaignHooks
from harness.providers.sim import sim
from harness.run_hooks import RunHooks

__all__ = ["CampaignHooks", "RunHooks", "sim"]
