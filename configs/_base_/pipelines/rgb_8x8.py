_base_ = "rgb_32x2_slowfast.py"

# The same with clips of 8 frames, every eighth one.
_sampling = dict(SampleFrames=dict(clip_len=8, frame_interval=8))
train_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.train_pipeline]
val_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.val_pipeline]
test_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.test_pipeline]
