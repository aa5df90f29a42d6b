_base_ = "rgb_32x2_i3d.py"

# The same with dense sampling: 10 positions x 3 crops in testing.
_sampling = dict(SampleFrames=dict(type="DenseSampleFrames", num_clips=1))
train_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.train_pipeline]
val_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.val_pipeline]
test_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.test_pipeline]
