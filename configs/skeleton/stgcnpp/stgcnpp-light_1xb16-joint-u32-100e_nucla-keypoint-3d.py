_base_ = [
    "../../_base_/models/stgcnpp_light.py",
    "../../_base_/datasets/pose.py",
    "../../_base_/pipelines/gcn_small_3d.py",
    "../../_base_/schedules/adamw_100e_small.py",
    "../../_base_/default_runtime.py",
]

from mmaction.utils.config import set_steps

# For another small skeleton set, copy this file and change these lines.
ann_file = "data/skeleton/nucla_3d.pkl"
ann_file_train = ann_file_val = ann_file_test = ann_file
train_split, test_split = "train", "test"
layout = "kinect20_sdk"  # a name or a description: docs/skeletons.md
num_person = 1
# Greatest angles about x, y and z by which a clip is turned in training, in radians: as if the camera stood elsewhere.
turn = (1.05, 1.05, 0)  # y is the vertical; where z is: (1.05, 0, 1.05)
num_classes = 10

set_steps(_base_, "PreNormalize3D", layout=layout)
set_steps(_base_, "RandomRot", theta=turn)
set_steps(_base_, "GenSkeFeat", dataset=layout)
set_steps(_base_, "FormatGCNInput", num_person=num_person)
model = dict(
    backbone=dict(graph_cfg=dict(layout=layout), num_person=num_person),
    cls_head=dict(type="MirrorHead", head="GCNHead", num_classes=num_classes),
)

# Half of the clips are mirrored in training; MirrorHead tells classes apart that differ in left and right alone.
mirror = dict(type="Flip", flip_ratio=0.5, layout=layout, centered=True)
train_pipeline = [*_base_.train_pipeline[:1], mirror, *_base_.train_pipeline[1:]]

clips_train = dict(ann_file=ann_file_train, split=train_split, num_classes=num_classes)
clips_val = dict(ann_file=ann_file_val, split=test_split, num_classes=num_classes)
clips_test = dict(ann_file=ann_file_test, split=test_split, num_classes=num_classes)
train_dataloader = dict(num_workers=2, dataset=dict(times=1, dataset=dict(pipeline=train_pipeline, **clips_train)))
val_dataloader = dict(num_workers=2, dataset=dict(pipeline={{_base_.val_pipeline}}, **clips_val))
test_dataloader = dict(batch_size=8, num_workers=2, dataset=dict(pipeline={{_base_.test_pipeline}}, **clips_test))

# For one GPU, or a CPU, x 16 clips; pass --auto-scale-lr where the batch is another.
auto_scale_lr = dict(enable=False, base_batch_size=16)
default_hooks = dict(checkpoint=dict(interval=10, max_keep_ckpts=2))
