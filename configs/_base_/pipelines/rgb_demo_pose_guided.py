# Whole dives; the camera keeps the diver near the middle: 24 frames of 72x72; skeletons in training alone.
train_pipeline = [
    dict(type="VideoInit"),
    dict(type="UniformSampleFrames", clip_len=24),
    dict(type="VideoPoseDecode"),
    dict(type="CenterCrop", crop_size=112),
    dict(type="RandomResizedCrop", area_range=(0.6, 1.0), aspect_ratio_range=(0.9, 1.1)),
    dict(type="Resize", scale=(72, 72), keep_ratio=False),
    dict(type="Flip", flip_ratio=0.5, layout="coco17"),
    dict(type="ColorJitter", brightness=0.4, contrast=0.4, saturation=0.5, hue=0.5),
    dict(type="FormatShape", input_format="NCTHW"),
    dict(type="PackActionInputs", algorithm_keys=("keypoint", "keypoint_score")),
]
val_pipeline = [
    dict(type="VideoInit"),
    dict(type="UniformSampleFrames", clip_len=24, num_clips=1, test_mode=True),
    dict(type="VideoDecode"),
    dict(type="CenterCrop", crop_size=102),
    dict(type="Resize", scale=(72, 72), keep_ratio=False),
    dict(type="FormatShape", input_format="NCTHW"),
    dict(type="PackActionInputs"),
]
test_pipeline = [dict(step, num_clips=4) if step["type"] == "UniformSampleFrames" else step for step in val_pipeline]
