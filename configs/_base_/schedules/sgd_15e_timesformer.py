# Bertasius et al., ICML 2021: steps at epochs 5 and 10; tokens and positions without weight decay.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=15, val_begin=1, val_interval=1)
param_scheduler = [dict(type="MultiStepLR", begin=0, end=15, by_epoch=True, milestones=[5, 10], gamma=0.1)]
optim_wrapper = dict(
    optimizer=dict(type="SGD", lr=0.005, momentum=0.9, weight_decay=1e-4, nesterov=True),
    paramwise_cfg=dict(
        custom_keys={
            ".backbone.cls_token": dict(decay_mult=0.0),
            ".backbone.pos_embed": dict(decay_mult=0.0),
            ".backbone.time_embed": dict(decay_mult=0.0),
        }
    ),
    clip_grad=dict(max_norm=40, norm_type=2),
)
