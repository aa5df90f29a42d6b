_base_ = "video_u32.py"

# The same with 16 frames.
_sampling = dict(UniformSample=dict(clip_len=16))
train_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.train_pipeline]
val_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.val_pipeline]
test_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.test_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
