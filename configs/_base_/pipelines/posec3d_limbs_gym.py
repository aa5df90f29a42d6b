_base_ = "posec3d_limbs.py"

# As published for FineGym: the flipped copy in testing names the joint pairs beside the limb pairs.
test_pipeline = [
    dict(type="UniformSampleFrames", clip_len=48, num_clips=10, test_mode=True),
    dict(type="PoseDecode"),
    dict(type="PoseCompact", hw_ratio=1.0, allow_imgpad=True),
    dict(type="Resize", scale=(-1, 64)),
    dict(type="CenterCrop", crop_size=64),
    dict(
        type="GeneratePoseTarget",
        sigma=0.6,
        use_score=True,
        with_kp=False,
        with_limb=True,
        skeletons={{_base_.skeletons}},
        double=True,
        left_kp={{_base_.left_kp}},
        right_kp={{_base_.right_kp}},
        left_limb={{_base_.left_limb}},
        right_limb={{_base_.right_limb}},
    ),
    dict(type="FormatShape", input_format="NCTHW_Heatmap"),
    dict(type="PackActionInputs"),
]
