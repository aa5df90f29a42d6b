"""Arguments that no class takes, and keys that nothing reads, are named with their place."""

import pytest

from mmaction.engine.checks.arguments import check_arguments
from mmaction.registry import HOOKS, MODELS


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (dict(model=dict(backbone=dict(type="ResNet3d", dept=50))), "model.backbone: ResNet3d .*'dept'.* mean depth"),
        (dict(model=dict(backbone=dict(type="ResNet3dSlowOnly", depht=50))), "depth"),  # an argument of its base
        (dict(model=dict(backbone=dict(type="ResNetTSM"))), "model.backbone: ResNetTSM needs depth"),
        (dict(model=dict(backbone=dict(type="ResNet3dSlowFast", slow_pathway=dict(depthh=18)))), "slow_path.* depth"),
        (dict(model=dict(cls_head=dict(type="GCNHead", num_classes=2, in_channels=8, drop=1))), "cls_head.*'drop'"),
        (dict(model=dict(data_preprocessor=dict(type="ActionDataPreprocessor", meen=[1]))), "mean"),
        (
            dict(train_dataloader=dict(dataset=dict(times=2, type="RepeatDataset", dataset=dict(
                type="PoseDataset", ann_file="a", pipeline=[dict(type="Resize", scal=3)])))),
            r"train_dataloader\.dataset\.dataset\.pipeline\.0: Resize.*'scal'",
        ),
        (dict(train_dataloader=dict(dataset=dict(type="PoseDataset", pipeline=[]))), "PoseDataset needs ann_file"),
        (dict(train_dataloader=dict(sampler=dict(type="DefaultSampler", shufle=True))), "sampler.* shuffle"),
        (dict(custom_hooks=[dict(type="EarlyStoppingHook", monitr="acc")]), r"custom_hooks\.0.* monitor"),
        (dict(default_hooks=dict(checkpoint=dict(type="CheckpointHook", intervall=1))), "checkpoint: .* interval"),
        (dict(val_evaluator=[dict(type="AccMetric", metric_lst=())]), r"val_evaluator\.0.* metric_list"),
        (dict(train_cfg=dict(by_epoch=True, max_epoch=3)), "train_cfg: EpochBasedTrainLoop.* max_epochs"),
        (dict(train_cfg=dict(type="EpochBasedTrainLoop")), "train_cfg: EpochBasedTrainLoop needs max_epochs"),
        (dict(test_cfg=dict(fp=True)), "test_cfg: TestLoop"),
        (dict(optim_wrapper=dict(clip_gradd=1)), "optim_wrapper: OptimWrapper.* clip_grad"),
        (dict(optim_wrapper=dict(optimizer=dict(type="SGD", l=1))), "optim_wrapper.optimizer: SGD.*'l'"),
        (dict(param_scheduler=[dict(type="MultiStepLR", milestone=[3])]), r"param_scheduler\.0.* milestones"),
        (dict(param_scheduler=dict(net=dict(type="CosineAnnealingLR", Tmax=3))), "param_scheduler.net.* T_max"),
        (dict(visualizer=dict(type="ActionVisualizer", vis_backend=[])), "visualizer.* vis_backends"),
    ],
)  # fmt: skip
def test_an_unknown_or_missing_argument_is_named(config, words):
    with pytest.raises(TypeError, match=words):
        check_arguments(config)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (dict(env_cfg=dict(cudn_benchmark=True)), "env_cfg: .* cudnn_benchmark"),
        (dict(env_cfg=dict(mp_cfg=dict(mp_start="fork"))), r"env_cfg\.mp_cfg: .* mp_start_method"),
        (dict(auto_scale_lr=dict(enabled=True)), "auto_scale_lr: .* enable"),
        (dict(randomness=dict(sed=0)), "randomness: .* seed"),
        (dict(train_dataloader=dict(batchsize=2)), "train_dataloader: .* batch_size"),
        (dict(test_dataloader=dict(quite_other=2)), "test_dataloader: nothing reads 'quite_other'"),
    ],
)
def test_a_key_that_nothing_reads_is_named(config, words):
    with pytest.raises(KeyError, match=words):
        check_arguments(config)


class PluginHook:
    def __init__(self, needed, **kwargs):
        pass


class PluginHead(MODELS.get("GCNHead")):
    pass


def test_a_plugin_takes_what_its_class_takes():
    with HOOKS.switch_scope_and_registry("mmaction"):
        HOOKS.module_dict["PluginHook"], MODELS.module_dict["PluginHead"] = PluginHook, PluginHead
    try:
        check_arguments(dict(custom_hooks=[dict(type="PluginHook", needed=1, other=2, priority="LOW")]))
        with pytest.raises(TypeError, match="PluginHook needs needed"):
            check_arguments(dict(custom_hooks=[dict(type=PluginHook, other=2)]))
        with pytest.raises(TypeError, match="PluginHead"):
            check_arguments(dict(model=dict(cls_head=dict(type="PluginHead", num_classes=2, in_channels=8, drop=1))))
    finally:
        del HOOKS.module_dict["PluginHook"], MODELS.module_dict["PluginHead"]


@pytest.mark.parametrize(
    "config",
    [
        dict(model=dict(type="Recognizer2D", backbone=dict(type="torchvision.resnet18", weights=None))),
        dict(model=dict(backbone=dict(type="Unknown", of_it=1, neck=dict(type="AnyNeck")))),
        dict(val_evaluator=dict(metrics=[dict(type="AccMetric")])),
        dict(test_evaluator=dict(type="Evaluator", metrics=[])),
        dict(train_dataloader=dict(dataset=dict(type="mmengine.ConcatDataset", datasets=[]), num_batch_per_epoch=3)),
        dict(optim_wrapper=dict(type="AmpOptimWrapper", loss_scale="dynamic", paramwise_cfg={}, clip_grad={})),
        dict(param_scheduler=[dict(type="CosineAnnealingLR", T_max=3, convert_to_iter_based=True, end=3)]),
        dict(default_hooks=dict(timer=None), custom_hooks=None, env_cfg=None, visualizer=None),
        dict(of_a_plugin=dict(type="ResNet3d", at_will=1)),
        dict(
            train_dataloader=dict(dataset=dict(pipeline=[dict(type="TorchVisionWrapper", op="ColorJitter", hue=0.1)]))
        ),
    ],
)
def test_what_is_right_or_another_ones_passes(config):
    check_arguments(config)
