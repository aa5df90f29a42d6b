_base_ = [
    "../../_base_/models/stgcnpp.py",
    "../../_base_/datasets/pose.py",
    "../../_base_/pipelines/gcn_2d.py",
    "../../_base_/schedules/sgd_16e_gcn.py",
    "../../_base_/default_runtime.py",
]

ann_file = "data/skeleton/ntu60_2d.pkl"
ann_file_train = ann_file_val = ann_file_test = ann_file
num_classes = 60

model = dict(cls_head=dict(num_classes=num_classes))

train_dataloader = dict(
    num_workers=2,
    dataset=dict(
        times=5, dataset=dict(ann_file=ann_file_train, split="xsub_train", pipeline={{_base_.train_pipeline}})
    ),
)
val_dataloader = dict(
    num_workers=2,
    dataset=dict(ann_file=ann_file_val, split="xsub_val", pipeline={{_base_.val_pipeline}}),
)
test_dataloader = dict(
    num_workers=2,
    dataset=dict(ann_file=ann_file_test, split="xsub_val", pipeline={{_base_.test_pipeline}}),
)

val_evaluator = [dict(type="AccMetric")]
test_evaluator = val_evaluator

default_hooks = dict(logger=dict(interval=100))
auto_scale_lr = dict(enable=False, base_batch_size=128)
