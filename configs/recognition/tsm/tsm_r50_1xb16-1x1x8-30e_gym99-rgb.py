_base_ = [
    "../../_base_/models/tsm_r50.py",
    "../../_base_/datasets/video.py",
    "../../_base_/pipelines/rgb_1x1x8_tsm_lazy.py",
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

model = dict(backbone=dict(pretrained=None), cls_head=dict(num_classes=num_classes))
load_from = (
    "https://download.openmmlab.com/mmaction/v1.0/recognition/tsm/tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_kinetics400-rgb/"
    "tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_kinetics400-rgb_20220831-64d69186.pth"
)

clips_train = dict(ann_file=ann_file_train, data_prefix=dict(video=data_root), metainfo=metainfo)
clips_val = dict(ann_file=ann_file_val, data_prefix=dict(video=data_root_val), metainfo=metainfo)
clips_test = dict(ann_file=ann_file_test, data_prefix=dict(video=data_root_val), metainfo=metainfo)
train_dataloader = dict(batch_size=16, dataset=dict(pipeline={{_base_.train_pipeline}}, **clips_train))
val_dataloader = dict(batch_size=16, dataset=dict(pipeline={{_base_.val_pipeline}}, **clips_val))
test_dataloader = dict(dataset=dict(pipeline={{_base_.test_pipeline}}, **clips_test))

# For one GPU x 16 clips; pass --auto-scale-lr where the batch is another.
optim_wrapper = dict(optimizer=dict(lr=0.005))
auto_scale_lr = dict(enable=False, base_batch_size=16)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=3))
