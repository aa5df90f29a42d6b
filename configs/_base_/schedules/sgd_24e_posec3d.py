# One cosine over 24 epochs of a training set that is repeated ten times, for 8 GPUs x 16 clips.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=24, val_begin=1, val_interval=1)
param_scheduler = [
    dict(type="CosineAnnealingLR", eta_min=0, T_max=24, by_epoch=True, convert_to_iter_based=True),
]
optim_wrapper = dict(
    optimizer=dict(type="SGD", lr=0.2, momentum=0.9, weight_decay=3e-4), clip_grad=dict(max_norm=40, norm_type=2)
)
