# Training from nothing on a small set, on one GPU or a CPU: 5 epochs of warm-up, then a cosine; mixed precision.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=100, val_begin=10, val_interval=10)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.05, by_epoch=True, begin=0, end=5, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", T_max=95, eta_min=0, by_epoch=True, begin=5, end=100, convert_to_iter_based=True),
]
optim_wrapper = dict(
    type="AmpOptimWrapper",
    optimizer=dict(type="AdamW", lr=3e-3, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
    clip_grad=dict(max_norm=5),
)
