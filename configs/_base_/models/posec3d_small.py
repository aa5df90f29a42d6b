# PoseC3D for small data sets and for training on a CPU: 32 frames of 32x32, SlowOnly of seven blocks that see motion
# from the first one on. ``in_channels`` is the number of joints of the layout, plus that of limbs if they are drawn.
model = dict(
    type="Recognizer3D",
    data_preprocessor=dict(type="PoseHeatmapPreprocessor", sigma=0.6),
    backbone=dict(
        type="ResNet3dSlowOnly",
        depth=50,
        pretrained=None,
        base_channels=32,
        num_stages=3,
        out_indices=(2,),
        stage_blocks=(2, 3, 2),
        conv1_kernel=(1, 5, 5),
        conv1_stride_s=1,
        with_pool1=False,
        inflate=(1, 1, 1),
        spatial_strides=(2, 2, 2),
        temporal_strides=(2, 1, 2),
        dilations=(1, 1, 1),
    ),
    cls_head=dict(type="I3DHead", in_channels=512, dropout_ratio=0.5, label_smooth_eps=0.1, average_clips="prob"),
)
