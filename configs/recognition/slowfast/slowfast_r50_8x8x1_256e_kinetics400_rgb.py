_base_ = [
    "../../_base_/models/slowfast_r50.py",
    "../../_base_/datasets/video.py",
    "../../_base_/pipelines/rgb_32x2_slowfast.py",
    "../../_base_/schedules/sgd_256e_slowfast.py",
    "../../_base_/default_runtime.py",
]

# To fine-tune on your own videos, copy this file and edit the variables here and ``load_from``.
dataset_type = "VideoDataset"
data_root = "data/kinetics400/videos_train"
data_root_val = "data/kinetics400/videos_val"
ann_file_train = "data/kinetics400/kinetics400_train_list_videos.txt"
ann_file_val = "data/kinetics400/kinetics400_val_list_videos.txt"
ann_file_test = ann_file_val
num_classes = 400

model = dict(
    backbone=dict(resample_rate=4, speed_ratio=4, slow_pathway=dict(fusion_kernel=7)),
    cls_head=dict(type="SlowFastHead", num_classes=num_classes),
)
load_from = None  # the path or URL of a checkpoint to start from

clips_train = dict(type=dataset_type, ann_file=ann_file_train, data_prefix=dict(video=data_root))
clips_val = dict(type=dataset_type, ann_file=ann_file_val, data_prefix=dict(video=data_root_val))
clips_test = dict(type=dataset_type, ann_file=ann_file_test, data_prefix=dict(video=data_root_val))
train_dataloader = dict(dataset=dict(pipeline={{_base_.train_pipeline}}, **clips_train))
val_dataloader = dict(dataset=dict(pipeline={{_base_.val_pipeline}}, **clips_val))
test_dataloader = dict(dataset=dict(pipeline={{_base_.test_pipeline}}, **clips_test))

# For one GPU x 8 clips (0.1 for 8 GPUs); pass --auto-scale-lr where the batch is another.
optim_wrapper = dict(optimizer=dict(lr=0.0125))
train_cfg = dict(val_interval=5)
default_hooks = dict(checkpoint=dict(interval=5, max_keep_ckpts=3))
auto_scale_lr = dict(enable=False, base_batch_size=8)
