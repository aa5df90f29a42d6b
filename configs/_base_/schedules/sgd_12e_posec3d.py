# Fine-tuning for 12 epochs of a training set that is repeated ten times, for 8 GPUs x 16 clips.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=12, val_begin=1, val_interval=1)
param_scheduler = [
    dict(type="MultiStepLR", begin=0, end=12, by_epoch=True, milestones=[9, 11], gamma=0.1),
]
optim_wrapper = dict(
    optimizer=dict(type="SGD", lr=0.01, momentum=0.9, weight_decay=3e-4), clip_grad=dict(max_norm=40, norm_type=2)
)
