_base_ = [
    "../../_base_/models/posec3d_slowonly_r50.py",
    "../../_base_/datasets/pose.py",
    "../../_base_/pipelines/posec3d_joints_48.py",
    "../../_base_/schedules/sgd_12e_posec3d.py",
    "../../_base_/default_runtime.py",
]

ann_file = "data/skeleton/hmdb51_2d.pkl"
ann_file_train = ann_file_val = ann_file_test = ann_file
num_classes = 51

model = dict(
    backbone=dict(stage_blocks=(3, 4, 6)),
    cls_head=dict(num_classes=num_classes, spatial_type="avg"),
    train_cfg=None,
    test_cfg=None,
)

train_dataloader = dict(
    dataset=dict(dataset=dict(ann_file=ann_file_train, split="train1", pipeline={{_base_.train_pipeline}}))
)
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, split="test1", pipeline={{_base_.val_pipeline}}))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, split="test1", pipeline={{_base_.test_pipeline}}))

load_from = "https://download.openmmlab.com/mmaction/v1.0/skeleton/posec3d/k400_posec3d-041f49c6.pth"
default_hooks = dict(checkpoint=dict(max_keep_ckpts=3))
auto_scale_lr = dict(enable=False, base_batch_size=128)
