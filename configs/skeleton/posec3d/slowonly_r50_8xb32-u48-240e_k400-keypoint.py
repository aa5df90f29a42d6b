_base_ = [
    "../../_base_/models/posec3d_slowonly_r50.py",
    "../../_base_/datasets/pose.py",
    "../../_base_/pipelines/posec3d_joints_k400.py",
    "../../_base_/schedules/sgd_24e_posec3d.py",
    "../../_base_/default_runtime.py",
]

ann_file = "data/skeleton/k400_2d.pkl"
ann_file_train = ann_file_val = ann_file_test = ann_file
data_root = "data/skeleton/kpfiles"  # one compressed skeleton file a video
box_thr = 0.5
valid_ratio = 0.0
num_classes = 400
stored = dict(box_thr=box_thr, data_prefix=dict(skeleton=data_root))

model = dict(backbone=dict(stage_blocks=(3, 4, 6)), cls_head=dict(num_classes=num_classes, spatial_type="avg"))

train_dataloader = dict(
    batch_size=32,
    dataset=dict(dataset=dict(ann_file=ann_file_train, split="train", pipeline={{_base_.train_pipeline}}, **stored)),
)
val_dataloader = dict(
    batch_size=32, dataset=dict(ann_file=ann_file_val, split="val", pipeline={{_base_.val_pipeline}}, **stored)
)
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, split="val", pipeline={{_base_.test_pipeline}}, **stored))

optim_wrapper = dict(optimizer=dict(lr=0.4, weight_decay=1e-4))
default_hooks = dict(checkpoint=dict(max_keep_ckpts=3))
auto_scale_lr = dict(enable=False, base_batch_size=256)
