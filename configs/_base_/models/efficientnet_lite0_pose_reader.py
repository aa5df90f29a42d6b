# EfficientNet-Lite0 stays as photographs taught it. From the maps of its third and fourth stage a small network reads
# where the joints are, as skeletons show it in training, and how they move. Testing takes frames alone.
_frames = 16
model = dict(
    type="Recognizer2D",
    backbone=dict(
        type="TimmImage",
        model="tf_efficientnet_lite0",
        pretrained=None,
        frozen=True,
        stages=(2, 3),
        num_segments=_frames,
    ),
    neck=dict(
        type="PoseReader",
        in_channels=(40, 112),
        num_segments=_frames,
        num_joints=17,
        network=dict(type="C3D", base_channels=16, num_stages=3, temporal_downsample=False),
    ),
    cls_head=dict(
        type="AttributeHead",
        head="I3DHead",
        label_space=None,
        num_classes=400,
        in_channels=128,
        dropout_ratio=0.4,
        label_smooth_eps=0.1,
        attribute_loss_weight=2.0,
        hide_ratio=0.0,
        average_clips="prob",
    ),
    data_preprocessor=dict(type="ActionDataPreprocessor", format_shape="NCHW"),
)
