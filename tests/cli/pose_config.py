"""A PoseC3D small enough to train in a second, for the tests of the tools."""

TEXT = """
default_scope = "mmaction"
pipeline = [
    dict(type="UniformSampleFrames", clip_len=4),
    dict(type="PoseDecode"),
    dict(type="PoseCompact", hw_ratio=1.0, allow_imgpad=True),
    dict(type="RandomResizedCrop", area_range=(0.56, 1.0)),
    dict(type="Resize", scale=(16, 16), keep_ratio=False),
    dict(type="Flip", flip_ratio=0.5, left_kp=[1, 3, 5, 7, 9, 11, 13, 15], right_kp=[2, 4, 6, 8, 10, 12, 14, 16]),
    dict(type="GeneratePoseTarget", with_kp=True, with_limb=False),
    dict(type="FormatShape", input_format="NCTHW_Heatmap"),
    dict(type="PackActionInputs"),
]
model = dict(
    type="Recognizer3D",
    backbone=dict(
        type="ResNet3dSlowOnly", depth=50, pretrained=None, in_channels=17, base_channels=4, num_stages=3,
        out_indices=(2,), stage_blocks=(1, 1, 1), conv1_stride_s=1, pool1_stride_s=1, inflate=(0, 1, 1),
        spatial_strides=(2, 2, 2), temporal_strides=(1, 1, 2), dilations=(1, 1, 1)),
    cls_head=dict(type="I3DHead", in_channels=64, num_classes=5, dropout_ratio=0.5, average_clips="prob"))
test_pipeline = [dict(step, num_clips=2, test_mode=True) if step["type"] == "UniformSampleFrames" else step
                 for step in pipeline if step["type"] not in ("RandomResizedCrop", "Flip")]
train_dataloader = dict(
    batch_size=4, num_workers=0, sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(type="PoseDataset", ann_file={pickle!r}, split="train", pipeline=pipeline))
val_dataloader = dict(
    batch_size=3, num_workers=0, sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(type="PoseDataset", ann_file={pickle!r}, split="val", pipeline=test_pipeline, test_mode=True))
test_dataloader = val_dataloader
val_evaluator = dict(type="AccMetric")
test_evaluator = val_evaluator
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=2, val_interval=1)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="SGD", lr=0.1), clip_grad=dict(max_norm=40))
default_hooks = dict(checkpoint=dict(type="CheckpointHook", interval=1, save_best="auto"))
auto_scale_lr = dict(base_batch_size=4)
"""


def write_pose_config(path, pickle):
    """Write the config for the skeleton file ``pickle`` to ``path`` and return it."""
    path.write_text(TEXT.format(pickle=str(pickle)))
    return path
