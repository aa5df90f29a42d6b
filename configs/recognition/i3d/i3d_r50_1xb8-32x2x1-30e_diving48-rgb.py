_base_ = [
    "../../_base_/models/i3d_r50.py",
    "../../_base_/datasets/video.py",
    "../../_base_/pipelines/rgb_32x2_i3d_lazy.py",
    "../../_base_/schedules/finetune_30e.py",
    "../../_base_/default_runtime.py",
]

# Made by tools/data/diving48/prepare.py.
data_root = "data/diving48/videos"
data_root_val = data_root
ann_file_train = "data/diving48/train.txt"
ann_file_val = "data/diving48/val.txt"
ann_file_test = ann_file_val
metainfo = dict(label_space="diving48")
num_classes = 48

model = dict(backbone=dict(pretrained=None), cls_head=dict(num_classes=num_classes))
load_from = (
    "https://download.openmmlab.com/mmaction/v1.0/recognition/i3d/i3d_imagenet-pretrained-r50_8xb8-32x2x1-100e_kinetics400-rgb/"
    "i3d_imagenet-pretrained-r50_8xb8-32x2x1-100e_kinetics400-rgb_20220812-e213c223.pth"
)

clips_train = dict(ann_file=ann_file_train, data_prefix=dict(video=data_root), metainfo=metainfo)
clips_val = dict(ann_file=ann_file_val, data_prefix=dict(video=data_root_val), metainfo=metainfo)
clips_test = dict(ann_file=ann_file_test, data_prefix=dict(video=data_root_val), metainfo=metainfo)
train_dataloader = dict(dataset=dict(pipeline={{_base_.train_pipeline}}, **clips_train))
val_dataloader = dict(dataset=dict(pipeline={{_base_.val_pipeline}}, **clips_val))
test_dataloader = dict(dataset=dict(pipeline={{_base_.test_pipeline}}, **clips_test))

# For one GPU x 8 clips; pass --auto-scale-lr where the batch is another.
optim_wrapper = dict(optimizer=dict(lr=0.005))
auto_scale_lr = dict(enable=False, base_batch_size=8)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=3))
