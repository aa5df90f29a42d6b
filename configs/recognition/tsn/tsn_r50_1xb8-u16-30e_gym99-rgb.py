_base_ = [
    "../../_base_/models/tsn_r50.py",
    "../../_base_/datasets/video_u16_frames.py",
    "../../_base_/schedules/finetune_30e.py",
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
# Published: 74.8 % top-1, 61.4 % mean class accuracy (FineGym, CVPR 2020).

model = dict(backbone=dict(pretrained=None), cls_head=dict(num_classes=num_classes))
load_from = (
    "https://download.openmmlab.com/mmaction/v1.0/recognition/tsn/tsn_imagenet-pretrained-r50_8xb32-1x1x8-100e_kinetics400-rgb/"
    "tsn_imagenet-pretrained-r50_8xb32-1x1x8-100e_kinetics400-rgb_20220906-2692d16c.pth"
)

train_dataloader = dict(dataset=dict(ann_file=ann_file_train, data_prefix=dict(video=data_root), metainfo=metainfo))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, data_prefix=dict(video=data_root_val), metainfo=metainfo))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, data_prefix=dict(video=data_root_val), metainfo=metainfo))

# One view: 85.4 G multiply-adds. A training step: at least 11.3 GB (both from tools/analysis/get_flops.py).
# For one GPU x 8 clips; pass --auto-scale-lr where the batch is another.
optim_wrapper = dict(optimizer=dict(lr=0.0025))
auto_scale_lr = dict(enable=False, base_batch_size=8)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=3))
