_base_ = [
    "../../_base_/models/slowonly_r50.py",
    "../../_base_/datasets/video.py",
    "../../_base_/pipelines/flow_16x4.py",
    "../../_base_/schedules/sgd_256e_slowonly.py",
    "../../_base_/default_runtime.py",
]

dataset_type = "RawframeDataset"
data_root = "data/kinetics400/rawframes_train"
data_root_val = "data/kinetics400/rawframes_val"
ann_file_train = "data/kinetics400/kinetics400_train_list_flow.txt"
ann_file_val = "data/kinetics400/kinetics400_val_list_flow.txt"
ann_file_test = ann_file_val
num_classes = 400

model = dict(
    backbone=dict(in_channels=2),
    data_preprocessor=dict(mean=[128, 128], std=[128, 128]),
    cls_head=dict(num_classes=num_classes),
)

flow = dict(type=dataset_type, filename_tmpl="{}_{:05d}.jpg", modality="Flow")
train_dataloader = dict(
    batch_size=16,
    dataset=dict(ann_file=ann_file_train, data_prefix=dict(img=data_root), pipeline={{_base_.train_pipeline}}, **flow),
)
val_dataloader = dict(
    batch_size=16,
    dataset=dict(ann_file=ann_file_val, data_prefix=dict(img=data_root_val), pipeline={{_base_.val_pipeline}}, **flow),
)
test_dataloader = dict(
    dataset=dict(ann_file=ann_file_test, data_prefix=dict(img=data_root_val), pipeline={{_base_.test_pipeline}}, **flow)
)

train_cfg = dict(val_interval=8)
default_hooks = dict(checkpoint=dict(interval=8, max_keep_ckpts=3))
auto_scale_lr = dict(enable=False, base_batch_size=128)
