_base_ = "rgb_32x2_slowfast.py"

# The same with 4 clips x 3 crops of 224 pixels in testing.
_views = dict(SampleFrames=dict(num_clips=4), Resize=dict(scale=(-1, 224)), ThreeCrop=dict(crop_size=224))
test_pipeline = [dict(step, **_views.get(step["type"], {})) for step in _base_.test_pipeline]
