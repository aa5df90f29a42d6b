# 16 epochs of 5 passes each, a cosine by steps.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=16, val_begin=1, val_interval=1)
param_scheduler = [dict(type="CosineAnnealingLR", eta_min=0, T_max=16, by_epoch=True, convert_to_iter_based=True)]
optim_wrapper = dict(optimizer=dict(type="SGD", lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True))
