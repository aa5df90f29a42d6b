_base_ = "rgb_preprocessor.py"

# SlowFast 4x16, ResNet-50 (Feichtenhofer et al., ICCV 2019).
model = dict(
    type="Recognizer3D",
    backbone=dict(
        type="ResNet3dSlowFast",
        pretrained=None,
        resample_rate=8,  # tau: frames between two frames of the slow pathway
        speed_ratio=8,  # alpha: frame rate of the fast pathway over the slow one's
        channel_ratio=8,  # 1 / beta: channels of the slow pathway over the fast one's
        slow_pathway=dict(
            type="resnet3d",
            depth=50,
            pretrained=None,
            lateral=True,
            conv1_kernel=(1, 7, 7),
            dilations=(1, 1, 1, 1),
            conv1_stride_t=1,
            pool1_stride_t=1,
            inflate=(0, 0, 1, 1),
            norm_eval=False,
        ),
        fast_pathway=dict(
            type="resnet3d",
            depth=50,
            pretrained=None,
            lateral=False,
            base_channels=8,
            conv1_kernel=(5, 7, 7),
            conv1_stride_t=1,
            pool1_stride_t=1,
            norm_eval=False,
        ),
    ),
    cls_head=dict(
        type="SlowFastHead",
        in_channels=2304,  # 2048 of the slow pathway and 256 of the fast one
        num_classes=400,
        spatial_type="avg",
        dropout_ratio=0.5,
        average_clips="prob",
    ),
)
