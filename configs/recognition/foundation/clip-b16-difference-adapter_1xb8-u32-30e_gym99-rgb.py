_base_ = [
    "../../_base_/models/clip_b16_adapter.py",
    "../../_base_/datasets/video_u32_frames.py",
    "../../_base_/schedules/adamw_30e_transformer.py",
    "../../_base_/default_runtime.py",
]

# Made by tools/data/gym/prepare.py.
data_root = "data/gym/subactions"
data_root_val = data_root
ann_file_train = "data/gym/gym99/train.txt"
ann_file_val = "data/gym/gym99/val.txt"
ann_file_test = ann_file_val
metainfo = dict(label_space="gym99")
num_classes = 99
# Published: 96.2 % top-1 (DiA, CLIP-B/16 with 3.6 M trained parameters, whose adapters these follow in manner only).

model = dict(cls_head=dict(num_classes=num_classes))
train_dataloader = dict(dataset=dict(ann_file=ann_file_train, data_prefix=dict(video=data_root), metainfo=metainfo))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, data_prefix=dict(video=data_root_val), metainfo=metainfo))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, data_prefix=dict(video=data_root_val), metainfo=metainfo))

# One view of 32 frames of 224: 584 G multiply-adds, 89.5 M weights, 3.7 M of them trained.
# A step of 8 clips keeps 24.9 GiB in float32 (tools/analysis/get_flops.py).
# For one GPU x 8 clips; pass --auto-scale-lr where the batch is another. The rate is not tuned.
optim_wrapper = dict(optimizer=dict(lr=3e-4))
auto_scale_lr = dict(enable=False, base_batch_size=8)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=3))
