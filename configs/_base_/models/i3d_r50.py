_base_ = "rgb_preprocessor.py"

# I3D on ResNet-50: every other block of the stages inflated to 3x1x1 (Carreira and Zisserman, CVPR 2017;
# Wang et al., CVPR 2018).
model = dict(
    type="Recognizer3D",
    backbone=dict(
        type="ResNet3d",
        pretrained2d=True,
        pretrained="torchvision://resnet50",
        depth=50,
        conv1_kernel=(5, 7, 7),
        conv1_stride_t=2,
        pool1_stride_t=2,
        conv_cfg=dict(type="Conv3d"),
        norm_eval=False,
        inflate=((1, 1, 1), (1, 0, 1, 0), (1, 0, 1, 0, 1, 0), (0, 1, 0)),
        zero_init_residual=False,
    ),
    cls_head=dict(
        type="I3DHead",
        num_classes=400,
        in_channels=2048,
        spatial_type="avg",
        dropout_ratio=0.5,
        init_std=0.01,
        average_clips="prob",
    ),
)
