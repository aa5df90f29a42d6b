_base_ = "i3d_r50.py"

# A small network with 3x3x3 convolutions, for training from nothing, on a CPU too.
model = dict(
    backbone=dict(
        depth=18,
        pretrained=None,
        base_channels=24,
        conv1_kernel=(3, 7, 7),
        conv1_stride_t=1,
        pool1_stride_t=1,
        with_pool2=False,
        temporal_strides=(1, 2, 2, 2),
        inflate=(1, 1, 1, 1),
        inflate_style="3x3x3",
    ),
    cls_head=dict(in_channels=192),
)
