_base_ = [
    "../../_base_/models/tsm_r50.py",
    "../../_base_/datasets/diving48_video.py",
    "../../_base_/pipelines/rgb_1x1x8_tsm_lazy.py",
    "../../_base_/schedules/finetune_30e.py",
    "../../_base_/default_runtime.py",
]

model = dict(backbone=dict(pretrained=None), cls_head=dict(num_classes=48))
load_from = (
    "https://download.openmmlab.com/mmaction/v1.0/recognition/tsm/tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_kinetics400-rgb/"
    "tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_kinetics400-rgb_20220831-64d69186.pth"
)

train_dataloader = dict(batch_size=16, dataset=dict(pipeline={{_base_.train_pipeline}}))
val_dataloader = dict(batch_size=16, dataset=dict(pipeline={{_base_.val_pipeline}}))
test_dataloader = dict(dataset=dict(pipeline={{_base_.test_pipeline}}))

# For one GPU x 16 clips; pass --auto-scale-lr where the batch is another.
optim_wrapper = dict(optimizer=dict(lr=0.005))
auto_scale_lr = dict(enable=False, base_batch_size=16)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=3))
