_base_ = "video.py"

# Clips of one action each, seen whole: one frame from each of 32 equal parts, drawn in training, the middle one in
# validation. Testing takes 2 clips, which differ in the place within the parts, x 3 crops. Training crops leave the
# athlete in the picture.
train_pipeline = [
    dict(type="VideoInit"),
    dict(type="UniformSample", clip_len=32),
    dict(type="VideoDecode"),
    dict(type="Resize", scale=(-1, 256)),
    dict(type="RandomResizedCrop", area_range=(0.4, 1.0)),
    dict(type="Resize", scale=(224, 224), keep_ratio=False),
    dict(type="Flip", flip_ratio=0.5),
    dict(type="FormatShape", input_format="NCTHW"),
    dict(type="PackActionInputs"),
]
val_pipeline = [
    dict(type="VideoInit"),
    dict(type="UniformSample", clip_len=32, test_mode=True),
    dict(type="VideoDecode"),
    dict(type="Resize", scale=(-1, 256)),
    dict(type="CenterCrop", crop_size=224),
    dict(type="FormatShape", input_format="NCTHW"),
    dict(type="PackActionInputs"),
]
test_pipeline = [
    dict(type="VideoInit"),
    dict(type="UniformSample", clip_len=32, num_clips=2, test_mode=True),
    dict(type="VideoDecode"),
    dict(type="Resize", scale=(-1, 256)),
    dict(type="ThreeCrop", crop_size=256),
    dict(type="FormatShape", input_format="NCTHW"),
    dict(type="PackActionInputs"),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
