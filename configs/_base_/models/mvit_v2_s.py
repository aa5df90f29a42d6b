# MViT v2 S (Li et al., CVPR 2022) of torchvision, with its weights of Kinetics-400.
model = dict(
    type="Recognizer3D",
    backbone=dict(
        type="TorchvisionVideo",
        model="mvit_v2_s",
        pretrained="KINETICS400_V1",
        model_kwargs=dict(stochastic_depth_prob=0.1),
        out="tokens",
    ),
    cls_head=dict(
        type="TokenHead", in_channels=768, num_classes=400, pool="cls", dropout_ratio=0.5, average_clips="prob"
    ),
    data_preprocessor=dict(type="ActionDataPreprocessor", format_shape="NCTHW"),
)
