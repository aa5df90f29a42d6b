# Strong changes of the joints, for small sets. No mirror image: left and right may be what tells classes apart.
# A clip of fewer frames repeats each in its place: it does not begin again.
train_pipeline = [
    dict(type="UniformSampleFrames", clip_len=32, min_span=0.75, loop=False),
    dict(type="PoseDecode", with_marks=True),
    dict(type="PoseCompact", hw_ratio=1.0, allow_imgpad=True),
    dict(type="Resize", scale=(24, 24), keep_ratio=False),
    dict(
        type="RandomPoseAffine",
        scale_range=(0.75, 1.25),
        aspect_range=(0.8, 1.25),
        rotation=15,
        shift=0.08,
        shear=0.2,
    ),
    dict(type="PoseJitter", std=0.01),
    dict(type="PackPoseInputs"),
]
val_pipeline = [
    dict(type="UniformSampleFrames", clip_len=32, num_clips=1, test_mode=True, loop=False),
    dict(type="PoseDecode", with_marks=True),
    dict(type="PoseCompact", hw_ratio=1.0, allow_imgpad=True),
    dict(type="Resize", scale=(24, 24), keep_ratio=False),
    dict(type="PackPoseInputs"),
]
test_pipeline = [
    dict(type="UniformSampleFrames", clip_len=32, num_clips=5, test_mode=True, loop=False),
    dict(type="PoseDecode", with_marks=True),
    dict(type="PoseCompact", hw_ratio=1.0, allow_imgpad=True),
    dict(type="Resize", scale=(24, 24), keep_ratio=False),
    dict(type="PackPoseInputs"),
]
