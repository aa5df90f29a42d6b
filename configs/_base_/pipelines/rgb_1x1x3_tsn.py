_base_ = "rgb_1x1x8_tsn.py"

# The same with 3 frames in training and validation.
_sampling = dict(SampleFrames=dict(num_clips=3))
train_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.train_pipeline]
val_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.val_pipeline]
