_base_ = "pose_small.py"

# As pose_small.py, on 16 frames of 16x16 and with one test view: for comparisons of many trainings on a CPU.
_tiny = dict(UniformSampleFrames=dict(clip_len=16), Resize=dict(scale=(16, 16)))
train_pipeline = [dict(step, **_tiny.get(step["type"], {})) for step in _base_.train_pipeline]
val_pipeline = [dict(step, **_tiny.get(step["type"], {})) for step in _base_.val_pipeline]
test_pipeline = val_pipeline
