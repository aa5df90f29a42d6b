# Fine-tuning from Kinetics on one GPU: 3 epochs of warm-up, then a cosine. A leaf names the rate for its batch.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=30, val_begin=1, val_interval=1)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=True, begin=0, end=3, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", T_max=27, eta_min=0, by_epoch=True, begin=3, end=30, convert_to_iter_based=True),
]
optim_wrapper = dict(
    optimizer=dict(type="SGD", lr=0.005, momentum=0.9, weight_decay=1e-4), clip_grad=dict(max_norm=40, norm_type=2)
)
