# EfficientNet-Lite0 with channels moved in time (Lin et al., ICCV 2019), a small network for a CPU too. With
# adapter=dict(type="STAdapter", width=96) it stays frozen, and small temporal convolutions learn.
model = dict(
    type="Recognizer2D",
    backbone=dict(
        type="TimmImage",
        model="tf_efficientnet_lite0",
        pretrained=None,
        num_segments=16,
        adapter=dict(type="TemporalShift"),
        out="pooled",
    ),
    cls_head=dict(
        type="TokenHead", in_channels=1280, num_classes=400, num_segments=16, dropout_ratio=0.5, average_clips="prob"
    ),
    data_preprocessor=dict(type="ActionDataPreprocessor", format_shape="NCHW"),
)
