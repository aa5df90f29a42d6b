# Video Swin T (Liu et al., CVPR 2022) of torchvision, with its weights of Kinetics-400.
model = dict(
    type="Recognizer3D",
    backbone=dict(
        type="TorchvisionVideo",
        model="swin3d_t",
        pretrained="KINETICS400_V1",
    ),
    cls_head=dict(type="TokenHead", in_channels=768, num_classes=400, dropout_ratio=0.5, average_clips="prob"),
    data_preprocessor=dict(type="ActionDataPreprocessor", format_shape="NCTHW"),
)
