_base_ = [
    "../../_base_/models/r2plus1d_r34.py",
    "../../_base_/datasets/kinetics400_video.py",
    "../../_base_/pipelines/rgb_32x2_slowfast.py",
    "../../_base_/schedules/sgd_180e_r2plus1d.py",
    "../../_base_/default_runtime.py",
]

train_dataloader = dict(dataset=dict(pipeline={{_base_.train_pipeline}}))
val_dataloader = dict(dataset=dict(pipeline={{_base_.val_pipeline}}))
test_dataloader = dict(dataset=dict(pipeline={{_base_.test_pipeline}}))

default_hooks = dict(checkpoint=dict(max_keep_ckpts=3))
auto_scale_lr = dict(enable=False, base_batch_size=64)
