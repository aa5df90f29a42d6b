_base_ = "rgb_32x2_slowfast.py"

# One clip of 8 frames, every 32nd one, of frames scaled at random; 1 clip x 3 crops of 224 pixels in testing.
_sampling = dict(SampleFrames=dict(clip_len=8, frame_interval=32, num_clips=1))
train_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.train_pipeline]
train_pipeline[3:6] = [dict(type="RandomRescale", scale_range=(256, 320)), dict(type="RandomCrop", size=224)]
val_pipeline = [dict(step, **_sampling.get(step["type"], {})) for step in _base_.val_pipeline]
_views = dict(_sampling, Resize=dict(scale=(-1, 224)), ThreeCrop=dict(crop_size=224))
test_pipeline = [dict(step, **_views.get(step["type"], {})) for step in _base_.test_pipeline]
