"""What Inspect loads by entry point: imports alone."""

from harness.adaptive.hooks import CampaignHooks
from harness.providers.pool import pool
from harness.providers.pool_hooks import PoolHooks
from harness.providers.sim import sim
from harness.providers.steering import steering
from harness.run_hooks import RunHooks

__all__ = ["CampaignHooks", "PoolHooks", "RunHooks", "pool", "sim", "steering"]
