_base_ = [
    "../../_base_/models/slowonly_r50.py",
    "../../_base_/datasets/kinetics400_flow.py",
    "../../_base_/pipelines/flow_16x4.py",
    "../../_base_/schedules/sgd_256e_slowonly.py",
    "../../_base_/default_runtime.py",
]

model = dict(backbone=dict(in_channels=2), data_preprocessor=dict(mean=[128, 128], std=[128, 128]))

train_dataloader = dict(dataset=dict(pipeline={{_base_.train_pipeline}}))
val_dataloader = dict(dataset=dict(pipeline={{_base_.val_pipeline}}))
test_dataloader = dict(dataset=dict(pipeline={{_base_.test_pipeline}}))

train_cfg = dict(val_interval=8)
default_hooks = dict(checkpoint=dict(interval=8, max_keep_ckpts=3))
auto_scale_lr = dict(enable=False, base_batch_size=128)
