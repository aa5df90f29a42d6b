# CLIP ViT-B/16 (Radford et al., ICML 2021), frozen, with adapters that see differences of frames. For others change the
# line `adapter`: dict(type="STAdapter"), dict(type="AIM"), dict(type="LoRA", r=8).
model = dict(
    type="Recognizer2D",
    backbone=dict(
        type="TimmImage",
        model="vit_base_patch16_clip_224.openai",
        pretrained="timm",
        num_segments=32,
        adapter=dict(type="DifferenceAdapter", width=192),
        out="pooled",
    ),
    cls_head=dict(
        type="TokenHead", in_channels=768, num_classes=400, num_segments=32, dropout_ratio=0.5, average_clips="prob"
    ),
    data_preprocessor=dict(type="ActionDataPreprocessor", format_shape="NCHW"),
)
