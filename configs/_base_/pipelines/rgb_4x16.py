_base_ = "rgb_32x2_slowfast.py"

# The same with clips of 4 frames, every 16th one.
_sampling = dict(SampleFrames=dict(clip_len=4, frame_interval=16))
train_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.train_pipeline]
val_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.val_pipeline]
test_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.test_pipeline]
