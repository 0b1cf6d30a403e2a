"""What Inspect tells a pool of a run: how far it is, and that it ends."""

from inspect_ai.hooks import Hooks, RunEnd, SampleEnd, TaskStart, hooks

from harness.providers.pool.open import close_all, progress

__all__ = ["PoolHooks"]


@hooks(name="penchant_pool", description="Progress and shutdown of penchant's pools")
class PoolHooks(Hooks):
    """Tells pools the number of samples, for the expected end, and closes them with the run."""

    async def on_task_start(self, data: TaskStart) -> None:
        """Count the samples of a task."""
        dataset, config = data.spec.dataset, data.spec.config
        samples = len(dataset.sample_ids or []) or dataset.samples or 0
        progress(data.eval_id, samples=samples * (config.epochs or 1))

    async def on_sample_end(self, data: SampleEnd) -> None:
        """Count a finished sample."""
        progress(data.eval_id, done=1)

    async def on_run_end(self, data: RunEnd) -> None:
        """Close connections and ledgers."""
        await close_all()
