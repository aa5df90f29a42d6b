_base_ = [
    "../../_base_/models/ctrgcn.py",
    "../../_base_/datasets/pose.py",
    "../../_base_/pipelines/gcn_2d.py",
    "../../_base_/schedules/sgd_16e_gcn.py",
    "../../_base_/default_runtime.py",
]

ann_file = "data/skeleton/gym288_2d.pkl"
ann_file_train = ann_file_val = ann_file_test = ann_file
metainfo = dict(label_space="gym288")
num_classes = 288

# 2 to 1,623 training samples a class. For the plain cross entropy: loss_cls=dict(type="CrossEntropyLoss").
model = dict(cls_head=dict(num_classes=num_classes, loss_cls=dict(type="BalancedSoftmaxLoss")))

train_dataloader = dict(
    num_workers=2,
    dataset=dict(
        times=5,
        dataset=dict(ann_file=ann_file_train, split="train", metainfo=metainfo, pipeline={{_base_.train_pipeline}}),
    ),
)
val_dataloader = dict(
    num_workers=2,
    dataset=dict(ann_file=ann_file_val, split="val", metainfo=metainfo, pipeline={{_base_.val_pipeline}}),
)
test_dataloader = dict(
    num_workers=2,
    dataset=dict(ann_file=ann_file_test, split="val", metainfo=metainfo, pipeline={{_base_.test_pipeline}}),
)

# For one GPU, or a CPU, x 16 clips; pass --auto-scale-lr where the batch is another.
optim_wrapper = dict(optimizer=dict(lr=0.0125))
auto_scale_lr = dict(enable=False, base_batch_size=16)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=3))
