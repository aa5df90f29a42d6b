# 34 epochs of warm-up under one cosine of 256 epochs.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=256, val_begin=1, val_interval=5)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=True, begin=0, end=34, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", T_max=256, eta_min=0, by_epoch=True, begin=0, end=256),
]
optim_wrapper = dict(
    optimizer=dict(type="SGD", lr=0.1, momentum=0.9, weight_decay=1e-4), clip_grad=dict(max_norm=40, norm_type=2)
)
