_base_ = "posec3d_joints.py"

# The same with 48x48 in training and 56x56 in testing.
_sizes = dict(Resize=dict(scale=(-1, 56)), CenterCrop=dict(crop_size=56))
train_pipeline = [dict(step, scale=(48, 48)) if "keep_ratio" in step else step for step in _base_.train_pipeline]
val_pipeline = [dict(step, **_sizes.get(step["type"], {})) for step in _base_.val_pipeline]
test_pipeline = [dict(step, **_sizes.get(step["type"], {})) for step in _base_.test_pipeline]
