# Whole dives; the camera keeps the diver near the middle: 24 frames of 64x64; 2 clips in testing.
train_pipeline = [
    dict(type="VideoInit"),
    dict(type="UniformSampleFrames", clip_len=24),
    dict(type="VideoDecode"),
    dict(type="CenterCrop", crop_size=104),
    dict(type="RandomResizedCrop", area_range=(0.6, 1.0), aspect_ratio_range=(0.9, 1.1)),
    dict(type="Resize", scale=(64, 64), keep_ratio=False),
    dict(type="Flip", flip_ratio=0.5),
    dict(type="ColorJitter", brightness=0.3, contrast=0.3, saturation=0.3, hue=0.05),
    dict(type="FormatShape", input_format="NCTHW"),
    dict(type="PackActionInputs"),
]
val_pipeline = [
    dict(type="VideoInit"),
    dict(type="UniformSampleFrames", clip_len=24, num_clips=1, test_mode=True),
    dict(type="VideoDecode"),
    dict(type="CenterCrop", crop_size=96),
    dict(type="Resize", scale=(64, 64), keep_ratio=False),
    dict(type="FormatShape", input_format="NCTHW"),
    dict(type="PackActionInputs"),
]
test_pipeline = [
    dict(type="VideoInit"),
    dict(type="UniformSampleFrames", clip_len=24, num_clips=2, test_mode=True),
    dict(type="VideoDecode"),
    dict(type="CenterCrop", crop_size=96),
    dict(type="Resize", scale=(64, 64), keep_ratio=False),
    dict(type="FormatShape", input_format="NCTHW"),
    dict(type="PackActionInputs"),
]
