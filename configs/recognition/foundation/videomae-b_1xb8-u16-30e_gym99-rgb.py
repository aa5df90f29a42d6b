_base_ = [
    "../../_base_/models/videomae_b.py",
    "../../_base_/datasets/video_u16_fixed.py",
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
# Published for this network and input: nothing that we know.

model = dict(cls_head=dict(num_classes=num_classes))
train_dataloader = dict(dataset=dict(ann_file=ann_file_train, data_prefix=dict(video=data_root), metainfo=metainfo))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, data_prefix=dict(video=data_root_val), metainfo=metainfo))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, data_prefix=dict(video=data_root_val), metainfo=metainfo))

# One view of 16 frames of 224: 180 G multiply-adds, 86.3 M weights.
# A step of 8 clips keeps 1.8 GiB in float32 beside the block that is computed again (tools/analysis/get_flops.py).
# For one GPU x 8 clips; pass --auto-scale-lr where the batch is another. The rate is not tuned.
optim_wrapper = dict(
    optimizer=dict(lr=1e-4),
    constructor="LearningRateDecayOptimizerConstructor",
    paramwise_cfg=dict(_delete_=True, decay_rate=0.75),
)
auto_scale_lr = dict(enable=False, base_batch_size=8)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=3))
