_base_ = [
    "../../_base_/models/slowfast_r50.py",
    "../../_base_/datasets/kinetics400_video.py",
    "../../_base_/pipelines/rgb_32x2_slowfast.py",
    "../../_base_/schedules/sgd_256e_slowfast.py",
    "../../_base_/default_runtime.py",
]

train_dataloader = dict(dataset=dict(pipeline={{_base_.train_pipeline}}))
val_dataloader = dict(dataset=dict(pipeline={{_base_.val_pipeline}}))
test_dataloader = dict(dataset=dict(pipeline={{_base_.test_pipeline}}))

model = dict(
    backbone=dict(
        resample_rate=4,
        speed_ratio=4,
        slow_pathway=dict(depth=101, fusion_kernel=7),
        fast_pathway=dict(depth=101),
    )
)

default_hooks = dict(logger=dict(interval=100), checkpoint=dict(interval=4, max_keep_ckpts=3))
