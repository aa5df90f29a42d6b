_base_ = "slowfast_r50.py"

# A small network, for training from nothing, on a CPU too.
model = dict(
    backbone=dict(
        resample_rate=4,
        speed_ratio=4,
        channel_ratio=2,
        slow_pathway=dict(depth=18, base_channels=24, fusion_kernel=5, zero_init_residual=False),
        fast_pathway=dict(depth=18, base_channels=12, zero_init_residual=False),
    ),
    cls_head=dict(in_channels=288),
)
