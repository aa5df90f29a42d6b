_base_ = [
    "../../_base_/models/posec3d_c3d_light.py",
    "../../_base_/datasets/pose.py",
    "../../_base_/pipelines/pose_tiny.py",
    "../../_base_/schedules/adamw_100e_small.py",
    "../../_base_/default_runtime.py",
]

# C3D-light at half its width on small heatmaps: a training takes seconds, for tools/sweep.py on a CPU.
ann_file = "data/skeleton/utd_mhad_2d.pkl"
ann_file_train = ann_file_val = ann_file_test = ann_file
train_split, test_split = "train", "test"
layout, num_joints = "kinect20", 20
num_classes = 27

model = dict(
    data_preprocessor=dict(layout=layout, sigma=0.6),
    backbone=dict(in_channels=num_joints, base_channels=12),
    cls_head=dict(num_classes=num_classes, in_channels=96),
)

clips_train = dict(ann_file=ann_file_train, split=train_split, num_classes=num_classes)
clips_val = dict(ann_file=ann_file_val, split=test_split, num_classes=num_classes)
clips_test = dict(ann_file=ann_file_test, split=test_split, num_classes=num_classes)
train_dataloader = dict(
    num_workers=0, dataset=dict(times=1, dataset=dict(pipeline={{_base_.train_pipeline}}, **clips_train))
)
val_dataloader = dict(batch_size=50, num_workers=0, dataset=dict(pipeline={{_base_.val_pipeline}}, **clips_val))
test_dataloader = dict(batch_size=50, num_workers=0, dataset=dict(pipeline={{_base_.test_pipeline}}, **clips_test))

train_cfg = dict(max_epochs=60, val_begin=60, val_interval=60)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.05, by_epoch=True, begin=0, end=5, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", T_max=55, eta_min=0, by_epoch=True, begin=5, end=60, convert_to_iter_based=True),
]
auto_scale_lr = dict(enable=False, base_batch_size=16)
default_hooks = dict(checkpoint=dict(interval=60, save_best=None))
