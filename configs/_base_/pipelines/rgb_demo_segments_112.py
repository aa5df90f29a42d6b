_base_ = "rgb_demo_segments.py"

# The same with 16 frames of 112x112, for networks that know photographs.
_changes = dict(UniformSampleFrames=dict(clip_len=16), Resize=dict(scale=(112, 112)))
train_pipeline = [dict(step, **_changes.get(step["type"], {})) for step in _base_.train_pipeline]
val_pipeline = [dict(step, **_changes.get(step["type"], {})) for step in _base_.val_pipeline]
test_pipeline = [dict(step, **_changes.get(step["type"], {})) for step in _base_.test_pipeline]
