_base_ = "video_u32.py"

# The same for 2D networks: 16 frames, each an image of its own.
_frames = dict(UniformSample=dict(clip_len=16), FormatShape=dict(input_format="NCHW"))
train_pipeline = [dict(step, **_frames.get(step["type"], {})) for step in _base_.train_pipeline]
val_pipeline = [dict(step, **_frames.get(step["type"], {})) for step in _base_.val_pipeline]
test_pipeline = [dict(step, **_frames.get(step["type"], {})) for step in _base_.test_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
