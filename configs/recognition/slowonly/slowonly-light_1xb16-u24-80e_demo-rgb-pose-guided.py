_base_ = [
    "../../_base_/models/rgb_preprocessor.py",
    "../../_base_/datasets/demo_video.py",
    "../../_base_/pipelines/rgb_demo_pose_guided.py",
    "../../_base_/schedules/adamw_100e_small.py",
    "../../_base_/default_runtime.py",
]

# Made by tools/data/make_demo_data.py.
data_root = "data/demo_diving/videos"
data_root_val = data_root
ann_file_train = "data/demo_diving/skeletons.pkl"  # the skeletons of the videos, in training alone
ann_file_val = "data/demo_diving/val.txt"
ann_file_test = ann_file_val
metainfo = dict(label_space="data/demo_diving/classes.csv")
num_classes = 10

# Trained from nothing on few clips: skeletons show the first stage where the joints are. Testing takes frames alone.
model = dict(
    type="Recognizer3D",
    backbone=dict(
        type="ResNet3dSlowOnly",
        depth=18,
        base_channels=32,
        num_stages=3,
        stage_blocks=(2, 2, 2),
        spatial_strides=(2, 2, 2),
        temporal_strides=(1, 1, 1),
        dilations=(1, 1, 1),
        inflate=(0, 1, 1),
        conv1_kernel=(1, 7, 7),
        with_pool1=False,
        zero_init_residual=False,
        out_indices=(0, 2),
    ),
    neck=dict(type="PoseGuide", in_channels=32, num_joints=17),
    cls_head=dict(type="I3DHead", in_channels=128, num_classes=num_classes, dropout_ratio=0.4, label_smooth_eps=0.05),
    test_cfg=dict(average_clips="prob"),
)

skeletons = dict(type="PoseDataset", split="train", pipeline={{_base_.train_pipeline}}, _delete_=True)
clips_train = dict(ann_file=ann_file_train, data_prefix=dict(video=data_root), metainfo=metainfo, **skeletons)
clips_val = dict(ann_file=ann_file_val, data_prefix=dict(video=data_root_val), metainfo=metainfo)
clips_test = dict(ann_file=ann_file_test, data_prefix=dict(video=data_root_val), metainfo=metainfo)
train_dataloader = dict(batch_size=16, dataset=clips_train)
val_dataloader = dict(batch_size=16, dataset=dict(pipeline={{_base_.val_pipeline}}, **clips_val))
test_dataloader = dict(batch_size=8, dataset=dict(pipeline={{_base_.test_pipeline}}, **clips_test))

train_cfg = dict(max_epochs=80)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.05, by_epoch=True, begin=0, end=5, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", T_max=75, eta_min=0, by_epoch=True, begin=5, end=80, convert_to_iter_based=True),
]

# For one GPU, or a CPU, x 16 clips; pass --auto-scale-lr where the batch is another.
auto_scale_lr = dict(enable=False, base_batch_size=16)
default_hooks = dict(checkpoint=dict(interval=10, max_keep_ckpts=2))
