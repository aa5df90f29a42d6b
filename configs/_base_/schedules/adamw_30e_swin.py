# Liu et al., CVPR 2022: the backbone learns at a tenth of the rate, norms and position tables without weight decay.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=30, val_begin=1, val_interval=3)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=True, begin=0, end=2.5, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", T_max=30, eta_min=0, by_epoch=True, begin=0, end=30),
]
optim_wrapper = dict(
    type="AmpOptimWrapper",
    optimizer=dict(type="AdamW", lr=1e-3, betas=(0.9, 0.999), weight_decay=0.02),
    constructor="SwinOptimWrapperConstructor",
    paramwise_cfg=dict(
        absolute_pos_embed=dict(decay_mult=0.0),
        relative_position_bias_table=dict(decay_mult=0.0),
        norm=dict(decay_mult=0.0),
        backbone=dict(lr_mult=0.1),
    ),
)
