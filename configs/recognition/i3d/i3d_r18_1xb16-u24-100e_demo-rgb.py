_base_ = [
    "../../_base_/models/i3d_r18_small.py",
    "../../_base_/datasets/demo_video.py",
    "../../_base_/pipelines/rgb_demo.py",
    "../../_base_/schedules/adamw_100e_small.py",
    "../../_base_/default_runtime.py",
]

# Made by tools/data/make_demo_data.py.
data_root = "data/demo_diving/videos"
data_root_val = data_root
ann_file_train = "data/demo_diving/train.txt"
ann_file_val = "data/demo_diving/val.txt"
ann_file_test = ann_file_val
metainfo = dict(label_space="data/demo_diving/classes.csv")
num_classes = 10

model = dict(cls_head=dict(num_classes=num_classes))

clips_train = dict(ann_file=ann_file_train, data_prefix=dict(video=data_root), metainfo=metainfo)
clips_val = dict(ann_file=ann_file_val, data_prefix=dict(video=data_root_val), metainfo=metainfo)
clips_test = dict(ann_file=ann_file_test, data_prefix=dict(video=data_root_val), metainfo=metainfo)
train_dataloader = dict(batch_size=16, dataset=dict(pipeline={{_base_.train_pipeline}}, **clips_train))
val_dataloader = dict(batch_size=16, dataset=dict(pipeline={{_base_.val_pipeline}}, **clips_val))
test_dataloader = dict(batch_size=8, dataset=dict(pipeline={{_base_.test_pipeline}}, **clips_test))

# For one GPU, or a CPU, x 16 clips; pass --auto-scale-lr where the batch is another.
auto_scale_lr = dict(enable=False, base_batch_size=16)
default_hooks = dict(checkpoint=dict(interval=10, max_keep_ckpts=2))
