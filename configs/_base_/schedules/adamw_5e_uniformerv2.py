# Li et al., ICCV 2023: a short fine-tuning at a low rate.
base_lr = 2e-6
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=5, val_begin=1, val_interval=1)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.5, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(
        type="CosineAnnealingLR",
        T_max=4,
        eta_min_ratio=0.5,
        by_epoch=True,
        begin=1,
        end=5,
        convert_to_iter_based=True,
    ),
]
optim_wrapper = dict(
    optimizer=dict(type="AdamW", lr=base_lr, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
    clip_grad=dict(max_norm=20, norm_type=2),
)
