_base_ = "rgb_demo_pose_guided.py"

# The same with 16 frames of 128x128, for networks that know photographs.
_changes = dict(
    UniformSampleFrames=dict(clip_len=16),
    Resize=dict(scale=(128, 128)),
    ColorJitter=dict(saturation=0.3, hue=0.05),
    FormatShape=dict(input_format="NCHW"),
)
train_pipeline = [dict(step, **_changes.get(step["type"], {})) for step in _base_.train_pipeline]
val_pipeline = [dict(step, **_changes.get(step["type"], {})) for step in _base_.val_pipeline]
test_pipeline = [dict(step, **_changes.get(step["type"], {})) for step in _base_.test_pipeline]
