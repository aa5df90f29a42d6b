_base_ = ["../../_base_/models/rgb_preprocessor.py", "../../_base_/default_runtime.py"]

# VideoMAE (Tong et al., NeurIPS 2022), for testing; to fine-tune it see configs/recognition/foundation.
dataset_type = "VideoDataset"
data_root_val = "data/kinetics400/videos_val"
ann_file_test = "data/kinetics400/kinetics400_val_list_videos.txt"

model = dict(
    type="Recognizer3D",
    backbone=dict(
        type="VisionTransformer",
        img_size=224,
        patch_size=16,
        embed_dims=768,
        depth=12,
        num_heads=12,
        mlp_ratio=4,
        qkv_bias=True,
        num_frames=16,
        norm_cfg=dict(type="LN", eps=1e-6),
    ),
    cls_head=dict(type="TimeSformerHead", num_classes=400, in_channels=768, average_clips="prob"),
)

test_pipeline = [
    dict(type="DecordInit"),
    dict(type="SampleFrames", clip_len=16, frame_interval=4, num_clips=5, test_mode=True),
    dict(type="DecordDecode"),
    dict(type="Resize", scale=(-1, 224)),
    dict(type="ThreeCrop", crop_size=224),
    dict(type="FormatShape", input_format="NCTHW"),
    dict(type="PackActionInputs"),
]
test_dataloader = dict(
    batch_size=1,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        type=dataset_type,
        ann_file=ann_file_test,
        data_prefix=dict(video=data_root_val),
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
val_evaluator = val_cfg = None
