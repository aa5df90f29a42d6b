# 34 epochs of warm-up, then a cosine to epoch 256.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=256, val_begin=1, val_interval=5)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=True, begin=0, end=34),
    dict(type="CosineAnnealingLR", T_max=222, eta_min=0, by_epoch=True, begin=34, end=256),
]
optim_wrapper = dict(
    optimizer=dict(type="SGD", lr=0.2, momentum=0.9, weight_decay=1e-4), clip_grad=dict(max_norm=40, norm_type=2)
)
