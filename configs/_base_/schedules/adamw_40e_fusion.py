# Small networks on features: a cosine, no warm-up.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=40, val_begin=10, val_interval=10)
param_scheduler = [dict(type="CosineAnnealingLR", T_max=40, eta_min=0, by_epoch=True, convert_to_iter_based=True)]
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=5e-4, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
    clip_grad=dict(max_norm=5),
)
