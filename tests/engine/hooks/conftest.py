"""Hooks that end the run."""

import pytest
from mmengine.hooks import Hook


@pytest.fixture
def stop_in_validation(register, toy):
    """Registers a hook that sends SIGTERM after the first batch of the validation after epoch ``at``."""

    @register
    class Terminate(Hook):
        def __init__(self, at):
            self.at = at

        def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            if runner.epoch == self.at and batch_idx == 0 and "stopped" in runner.work_dir:
                toy.terminate_all()

    return "default_hooks['stop'] = dict(type='Terminate', at={})\n".format
