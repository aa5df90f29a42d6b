# MViT: 16 frames of 4, strong augmentation; 5 clips of the center in testing.
file_client_args = dict(io_backend="disk")
_augment = dict(type="PytorchVideoWrapper", op="RandAugment", magnitude=7, num_layers=4)
train_pipeline = [
    dict(type="DecordInit", **file_client_args),
    dict(type="SampleFrames", clip_len=16, frame_interval=4, num_clips=1),
    dict(type="DecordDecode"),
    dict(type="Resize", scale=(-1, 256)),
    _augment,
    dict(type="RandomResizedCrop"),
    dict(type="Resize", scale=(224, 224), keep_ratio=False),
    dict(type="Flip", flip_ratio=0.5),
    dict(type="RandomErasing", erase_prob=0.25, mode="rand"),
    dict(type="FormatShape", input_format="NCTHW"),
    dict(type="PackActionInputs"),
]
val_pipeline = [
    dict(type="DecordInit", **file_client_args),
    dict(type="SampleFrames", clip_len=16, frame_interval=4, num_clips=1, test_mode=True),
    dict(type="DecordDecode"),
    dict(type="Resize", scale=(-1, 256)),
    dict(type="CenterCrop", crop_size=224),
    dict(type="FormatShape", input_format="NCTHW"),
    dict(type="PackActionInputs"),
]
_views = dict(SampleFrames=dict(num_clips=5), Resize=dict(scale=(-1, 224)))
test_pipeline = [dict(step, **_views.get(step["type"], {})) for step in val_pipeline]
