_base_ = [
    "../../_base_/models/i3d_r50_non_local.py",
    "../../_base_/datasets/kinetics400_video.py",
    "../../_base_/pipelines/rgb_32x2_i3d.py",
    "../../_base_/schedules/sgd_100e.py",
    "../../_base_/default_runtime.py",
]

train_dataloader = dict(dataset=dict(pipeline={{_base_.train_pipeline}}))
val_dataloader = dict(dataset=dict(pipeline={{_base_.val_pipeline}}))
test_dataloader = dict(dataset=dict(pipeline={{_base_.test_pipeline}}))

model = dict(backbone=dict(non_local_cfg=dict(mode="dot_product")))

default_hooks = dict(checkpoint=dict(interval=5, max_keep_ckpts=5))
auto_scale_lr = dict(enable=False, base_batch_size=64)
