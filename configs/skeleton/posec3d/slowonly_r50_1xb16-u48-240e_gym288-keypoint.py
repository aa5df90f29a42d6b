_base_ = [
    "../../_base_/models/posec3d_slowonly_r50_rendered.py",
    "../../_base_/datasets/pose.py",
    "../../_base_/pipelines/posec3d_rendered.py",
    "../../_base_/schedules/sgd_24e_posec3d.py",
    "../../_base_/default_runtime.py",
]

ann_file = "data/skeleton/gym288_2d.pkl"
ann_file_train = ann_file_val = ann_file_test = ann_file
metainfo = dict(label_space="gym288")
num_classes = 288

# 2 to 1,623 training samples a class. For the plain cross entropy: loss_cls=dict(type="CrossEntropyLoss").
model = dict(cls_head=dict(num_classes=num_classes, loss_cls=dict(type="BalancedSoftmaxLoss")))
load_from = (
    "https://download.openmmlab.com/mmaction/v1.0/skeleton/posec3d/"
    "slowonly_r50_8xb16-u48-240e_gym-keypoint/slowonly_r50_8xb16-u48-240e_gym-keypoint_20220815-da338c58.pth"
)

train_dataloader = dict(
    dataset=dict(
        dataset=dict(ann_file=ann_file_train, split="train", metainfo=metainfo, pipeline={{_base_.train_pipeline}})
    )
)
val_dataloader = dict(
    dataset=dict(ann_file=ann_file_val, split="val", metainfo=metainfo, pipeline={{_base_.val_pipeline}})
)
test_dataloader = dict(
    dataset=dict(ann_file=ann_file_test, split="val", metainfo=metainfo, pipeline={{_base_.test_pipeline}})
)

# For one GPU x 16 clips (0.2 for 8 GPUs); pass --auto-scale-lr where the batch is another.
optim_wrapper = dict(optimizer=dict(lr=0.025))
auto_scale_lr = dict(enable=False, base_batch_size=16)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=3))
