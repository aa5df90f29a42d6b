_base_ = [
    "../../_base_/models/posec3d_c3d_light.py",
    "../../_base_/datasets/pose.py",
    "../../_base_/pipelines/pose_small.py",
    "../../_base_/schedules/adamw_100e_small.py",
    "../../_base_/default_runtime.py",
]

# The procedural dives of tools/data/make_demo_data.py: 10 classes, 240 clips to train on and 60 to test on.
ann_file = "data/demo_diving/skeletons.pkl"
ann_file_train = ann_file_val = ann_file_test = ann_file
train_split, test_split = "train", "val"
metainfo = dict(label_space="data/demo_diving/classes.csv")
layout, num_joints = "coco17", 17
num_classes = 10

model = dict(
    data_preprocessor=dict(layout=layout),
    backbone=dict(in_channels=num_joints),
    cls_head=dict(num_classes=num_classes),
)

classes = dict(num_classes=num_classes, metainfo=metainfo)
clips_train = dict(ann_file=ann_file_train, split=train_split, **classes)
clips_val = dict(ann_file=ann_file_val, split=test_split, **classes)
clips_test = dict(ann_file=ann_file_test, split=test_split, **classes)
train_dataloader = dict(
    num_workers=2, dataset=dict(times=1, dataset=dict(pipeline={{_base_.train_pipeline}}, **clips_train))
)
val_dataloader = dict(num_workers=2, dataset=dict(pipeline={{_base_.val_pipeline}}, **clips_val))
test_dataloader = dict(batch_size=8, num_workers=2, dataset=dict(pipeline={{_base_.test_pipeline}}, **clips_test))

train_cfg = dict(max_epochs=40)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.05, by_epoch=True, begin=0, end=5, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", T_max=35, eta_min=0, by_epoch=True, begin=5, end=40, convert_to_iter_based=True),
]
# For one GPU, or a CPU, x 16 clips; pass --auto-scale-lr where the batch is another.
auto_scale_lr = dict(enable=False, base_batch_size=16)
default_hooks = dict(checkpoint=dict(interval=10, max_keep_ckpts=2))
