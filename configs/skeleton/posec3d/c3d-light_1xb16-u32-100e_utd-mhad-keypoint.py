_base_ = [
    "../../_base_/models/posec3d_c3d_light.py",
    "../../_base_/datasets/pose.py",
    "../../_base_/pipelines/pose_small.py",
    "../../_base_/schedules/adamw_100e_small.py",
    "../../_base_/default_runtime.py",
]

from mmaction.skeletons import get_layout

# For another small skeleton set, copy this file and change these lines.
ann_file = "data/skeleton/utd_mhad_2d.pkl"
ann_file_train = ann_file_val = ann_file_test = ann_file
train_split, test_split = "train", "test"
layout = "kinect20"  # a name or a description: docs/skeletons.md
num_classes = 27

model = dict(
    data_preprocessor=dict(layout=layout),
    backbone=dict(in_channels=len(get_layout(layout).joints)),
    cls_head=dict(type="MirrorHead", head="I3DHead", num_classes=num_classes),
)

# A quarter of the clips is mirrored in training; MirrorHead tells classes apart that differ in left and right alone.
mirror = dict(type="Flip", flip_ratio=0.25, layout=layout)
train_pipeline = [*_base_.train_pipeline[:-1], mirror, _base_.train_pipeline[-1]]

clips_train = dict(ann_file=ann_file_train, split=train_split, num_classes=num_classes)
clips_val = dict(ann_file=ann_file_val, split=test_split, num_classes=num_classes)
clips_test = dict(ann_file=ann_file_test, split=test_split, num_classes=num_classes)
train_dataloader = dict(num_workers=2, dataset=dict(times=1, dataset=dict(pipeline=train_pipeline, **clips_train)))
val_dataloader = dict(num_workers=2, dataset=dict(pipeline={{_base_.val_pipeline}}, **clips_val))
test_dataloader = dict(batch_size=8, num_workers=2, dataset=dict(pipeline={{_base_.test_pipeline}}, **clips_test))

# For one GPU, or a CPU, x 16 clips; pass --auto-scale-lr where the batch is another.
auto_scale_lr = dict(enable=False, base_batch_size=16)
default_hooks = dict(checkpoint=dict(interval=10, max_keep_ckpts=2))
