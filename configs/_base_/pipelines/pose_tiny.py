# As pose_small.py, on 16 frames of 16x16 and with one test view: for comparisons of many trainings on a CPU.
train_pipeline = [
    dict(type="UniformSampleFrames", clip_len=16, min_span=0.75),
    dict(type="PoseDecode"),
    dict(type="PoseCompact", hw_ratio=1.0, allow_imgpad=True),
    dict(type="Resize", scale=(16, 16), keep_ratio=False),
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
    dict(type="UniformSampleFrames", clip_len=16, num_clips=1, test_mode=True),
    dict(type="PoseDecode"),
    dict(type="PoseCompact", hw_ratio=1.0, allow_imgpad=True),
    dict(type="Resize", scale=(16, 16), keep_ratio=False),
    dict(type="PackPoseInputs"),
]
test_pipeline = val_pipeline
