"""Hooks that are registered for one test, among them some that end the run."""

import pytest
from mmengine.hooks import Hook

from mmaction.registry import HOOKS


@pytest.fixture
def register():
    """Registers a hook class for one test."""
    names = []

    def add(cls):
        HOOKS.register_module(module=cls, force=True)
        names.append(cls.__name__)
        return cls

    yield add
    for name in names:
        HOOKS.module_dict.pop(name)


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
