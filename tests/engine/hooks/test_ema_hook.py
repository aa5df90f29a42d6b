"""Averaged weights in every part of a run."""

import torch
from mmengine.hooks import Hook

from mmaction.engine import build_runner
from mmaction.io.checkpoints import read_checkpoint
from mmaction.utils import register_all_modules
from mmaction.utils.config import load_config


def test_a_test_after_the_training_measures_the_averaged_weights(tmp_path, toy, register):
    register_all_modules()
    measured = []

    @register
    class Look(Hook):
        def before_test_iter(self, runner, batch_idx, data_batch=None):
            measured.append(runner.model.cls_head.fc_cls.weight.clone())

        before_val_iter = before_test_iter

    extra = "custom_hooks = [dict(type='EMAHook', momentum=0.1), dict(type='Look')]\ntrain_cfg['max_epochs'] = 1\n"
    cfg, _ = load_config(toy.write_config(tmp_path, extra=extra))
    cfg.work_dir, cfg.launcher = str(tmp_path / "run"), "none"
    runner = build_runner(cfg)
    runner.train()
    averaged = read_checkpoint(tmp_path / "run" / "epoch_1.pth")["state_dict"]["cls_head.fc_cls.weight"]
    trained = runner.model.cls_head.fc_cls.weight.clone()
    assert not torch.equal(trained, averaged)
    for part in (runner.test, runner.val):
        measured.clear()
        part()
        assert all(torch.equal(weight, averaged) for weight in measured) and len(measured) == 3
        assert torch.equal(runner.model.cls_head.fc_cls.weight, trained)
