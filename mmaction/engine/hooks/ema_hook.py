"""The moving average of the weights, of sharded models too."""

from mmengine.hooks import EMAHook as PlainEMAHook
from mmengine.runner import Runner

from mmaction.engine.sharding import MMFullyShardedDataParallel, load_whole, parts_of, save_whole
from mmaction.registry import HOOKS, MODELS


@HOOKS.register_module()
class EMAHook(PlainEMAHook):
    """MMEngine's hook; of a sharded model each process averages its own part.

    Arguments are those of :class:`mmengine.hooks.EMAHook`.
    """

    def before_run(self, runner: Runner) -> None:
        """Copy the model."""
        if not isinstance(runner.model, MMFullyShardedDataParallel):
            super().before_run(runner)
            return
        self.src_model = parts_of(runner.model.module)
        self.ema_model = MODELS.build(self.ema_cfg, default_args={"model": self.src_model})
        save_whole(self.ema_model)
        load_whole(self.ema_model.module)  # which the hook also loads alone
