_base_ = [
    "../../_base_/models/rgbpose_conv3d.py",
    "../../_base_/datasets/video_pose_u8_u32.py",
    "../../_base_/schedules/finetune_30e.py",
    "../../_base_/default_runtime.py",
]

# Videos made by tools/data/gym/prepare.py; skeletons: docs/datasets.md.
data_root = "data/gym/subactions"
ann_file = "data/skeleton/gym_2d.pkl"
ann_file_train = ann_file_val = ann_file_test = ann_file
val_split = "val"
metainfo = dict(label_space="gym99")
num_classes = 99
# Published with limbs as well: 95.6 % mean class accuracy (PoseC3D, CVPR 2022).

model = dict(cls_head=dict(num_classes=num_classes))
# Both pathways trained apart on NTU RGB+D, then put together.
load_from = (
    "https://download.openmmlab.com/mmaction/v1.0/skeleton/posec3d/rgbpose_conv3d/"
    "rgbpose_conv3d_init_20230228-09b7684b.pth"
)

clips = dict(data_prefix=dict(video=data_root), metainfo=metainfo)
train_dataloader = dict(dataset=dict(dataset=dict(ann_file=ann_file_train, split="train", **clips)))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, split=val_split, **clips))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, split=val_split, **clips))

# One view: 58 G multiply-adds. A training step: at least 7.4 GB (both from tools/analysis/get_flops.py).
# For one GPU x 6 clips; pass --auto-scale-lr where the batch is another.
optim_wrapper = dict(optimizer=dict(lr=0.001))
auto_scale_lr = dict(enable=False, base_batch_size=6)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=3))
