_base_ = "mvit-small-p244_32xb16-16x4x1-200e_kinetics400-rgb.py"

model = dict(backbone=dict(arch="base", drop_path_rate=0.3, temporal_size=32))

_sampling = dict(SampleFrames=dict(clip_len=32, frame_interval=3))
train_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.train_pipeline]
val_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.val_pipeline]
test_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.test_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

auto_scale_lr = dict(enable=False)
