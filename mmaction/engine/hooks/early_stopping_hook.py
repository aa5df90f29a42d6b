"""Stop when validations no longer get better, also over interruptions."""

from mmengine.hooks import EarlyStoppingHook as PlainEarlyStoppingHook
from mmengine.runner import Runner

from mmaction.registry import HOOKS


@HOOKS.register_module()
class EarlyStoppingHook(PlainEarlyStoppingHook):
    """MMEngine's hook; a resumed run goes on counting where the one before was.

    It takes the arguments of :class:`mmengine.hooks.EarlyStoppingHook`.
    """

    priority = "LOW"  # before the checkpoint hook, which may write what is known

    @property
    def _entry(self) -> str:
        """Return the entry of the message hub, and so of the checkpoints, for what is known so far."""
        return f"early_stopping_{self.monitor}"

    def before_train(self, runner: Runner) -> None:
        """Take over the best score and the count of validations since from the checkpoint that is resumed."""
        state = runner.message_hub.runtime_info.get(self._entry)
        if state is not None:
            self.best_score, self.wait_count = state["best_score"], state["wait_count"]

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Decide whether to stop, and note what is known for the next checkpoint."""
        super().after_val_epoch(runner, metrics)
        state = {"best_score": float(self.best_score), "wait_count": self.wait_count}
        runner.message_hub.update_info(self._entry, state)
