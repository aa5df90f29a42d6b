"""The moving average of the weights, of sharded models too, and in every part of a run."""

from mmengine.hooks import EMAHook as PlainEMAHook
from mmengine.runner import Runner

from mmaction.engine.dist import unwrapped
from mmaction.engine.sharding import MMFullyShardedDataParallel, load_whole, parts_of, save_whole
from mmaction.registry import HOOKS, MODELS


@HOOKS.register_module()
class EMAHook(PlainEMAHook):
    """MMEngine's hook, which also averages sharded models: each process averages its own part.

    A test or validation after the training in the same program measures the averaged weights; MMEngine's hook would
    measure a new copy of the trained weights.

    It takes the arguments of :class:`mmengine.hooks.EMAHook`.
    """

    def before_run(self, runner: Runner) -> None:
        """Copy the model, unless an earlier part of this run has averaged it."""
        if self._is_averaged(runner):
            return
        if not isinstance(runner.model, MMFullyShardedDataParallel):
            super().before_run(runner)
            return
        self.src_model = parts_of(runner.model.module)
        self.ema_model = MODELS.build(self.ema_cfg, default_args={"model": self.src_model})
        save_whole(self.ema_model)
        load_whole(self.ema_model.module)  # which the hook also loads alone

    def _is_averaged(self, runner: Runner) -> bool:
        """Return whether there is an average of the model as ``runner`` has it now, wrapped or not."""
        model = unwrapped(runner.model)
        is_same = getattr(self, "_averaged", None) is model
        self._averaged = model
        return is_same
