_base_ = "rgb_16x4_mvit.py"

# UniFormerV2: 8 frames of the whole video, nothing painted over; 4 clips x 3 crops in testing.
_sample = dict(type="UniformSample", clip_len=8, num_clips=1)
_tested = dict(SampleFrames=dict(_sample, test_mode=True), Resize=dict(type="Resize", scale=(-1, 224)))
train_pipeline = [
    _sample if step["type"] == "SampleFrames" else step
    for step in _base_.train_pipeline
    if step["type"] != "RandomErasing"
]
val_pipeline = [_tested.get(step["type"], step) for step in _base_.val_pipeline]
_views = dict(UniformSample=dict(num_clips=4), CenterCrop=dict(type="ThreeCrop"))
test_pipeline = [dict(step, **_views.get(step["type"], {})) for step in val_pipeline]
