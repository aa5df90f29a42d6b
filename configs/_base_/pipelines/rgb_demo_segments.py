_base_ = "rgb_demo.py"

# As ``rgb_demo``, for 2D networks: 8 frames, each an image of its own.
_segments = dict(UniformSampleFrames=dict(clip_len=8), FormatShape=dict(input_format="NCHW"))
train_pipeline = [dict(step, **_segments.get(step["type"], {})) for step in _base_.train_pipeline]
val_pipeline = [dict(step, **_segments.get(step["type"], {})) for step in _base_.val_pipeline]
test_pipeline = [dict(step, **_segments.get(step["type"], {})) for step in _base_.test_pipeline]
