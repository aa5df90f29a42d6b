# VideoMAE ViT-B (Tong et al., NeurIPS 2022), fine-tuned whole.
model = dict(
    type="Recognizer3D",
    backbone=dict(
        type="TransformersVideo",
        config=dict(model_type="videomae", image_size=224, num_frames=16),
        pretrained="MCG-NJU/videomae-base-finetuned-kinetics",
        with_cp=True,
        out="tokens",
    ),
    cls_head=dict(
        type="TokenHead", in_channels=768, num_classes=400, norm=True, dropout_ratio=0.5, average_clips="prob"
    ),
    data_preprocessor=dict(type="ActionDataPreprocessor", format_shape="NCTHW"),
)
