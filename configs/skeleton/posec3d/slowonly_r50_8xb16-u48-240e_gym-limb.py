_base_ = [
    "../../_base_/models/posec3d_slowonly_r50.py",
    "../../_base_/datasets/pose.py",
    "../../_base_/pipelines/posec3d_limbs_gym.py",
    "../../_base_/schedules/sgd_24e_posec3d.py",
    "../../_base_/default_runtime.py",
]

ann_file = "data/skeleton/gym_2d.pkl"
ann_file_train = ann_file_val = ann_file_test = ann_file
num_classes = 99

model = dict(cls_head=dict(num_classes=num_classes, spatial_type="avg"))

train_dataloader = dict(
    dataset=dict(dataset=dict(ann_file=ann_file_train, split="train", pipeline={{_base_.train_pipeline}}))
)
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, split="val", pipeline={{_base_.val_pipeline}}))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, split="val", pipeline={{_base_.test_pipeline}}))

auto_scale_lr = dict(enable=False, base_batch_size=128)
