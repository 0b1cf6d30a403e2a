"""What Inspect loads by entry point: imports alone."""

from harness.adaptive.hooks import CampaignHooks
from harness.measuring.hooks import RunHooks
from harness.providers.pool.hooks import PoolHooks
from harness.providers.pool.registered import pool
from harness.providers.sim.registered import sim
from harness.providers.steering.registered import steering

__all__ = ["CampaignHooks", "PoolHooks", "RunHooks", "pool", "sim", "steering"]
