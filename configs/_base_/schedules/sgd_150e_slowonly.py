# 10 epochs of warm-up, then steps at epochs 90 and 130.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=150, val_begin=1, val_interval=5)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=True, begin=0, end=10),
    dict(type="MultiStepLR", begin=10, end=150, by_epoch=True, milestones=[90, 130], gamma=0.1),
]
optim_wrapper = dict(
    optimizer=dict(type="SGD", lr=0.02, momentum=0.9, weight_decay=1e-4), clip_grad=dict(max_norm=40, norm_type=2)
)
