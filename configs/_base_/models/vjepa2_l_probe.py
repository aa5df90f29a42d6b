# V-JEPA 2 ViT-L, frozen, with its attentive probe (Assran et al., 2025, section 5).
model = dict(
    type="Recognizer3D",
    backbone=dict(
        type="TransformersVideo",
        config=dict(model_type="vjepa2", hidden_size=1024, num_hidden_layers=24, num_attention_heads=16),
        pretrained="facebook/vjepa2-vitl-fpc64-256",
        num_frames=32,
        img_size=256,
        frozen=True,
        out="tokens",
    ),
    cls_head=dict(type="AttentiveHead", in_channels=1024, num_classes=400, depth=4, num_heads=16, average_clips="prob"),
    data_preprocessor=dict(type="ActionDataPreprocessor", format_shape="NCTHW"),
)
