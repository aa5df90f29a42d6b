_base_ = "slowfast_r50_8xb8-8x8x1-256e_kinetics400-rgb.py"

data_root = "data/kinetics400/videos_train"
data_root_val = "data/kinetics400/videos_val"
ann_file_train = "data/kinetics400/kinetics400_train_list_videos.txt"
ann_file_val = "data/kinetics400/kinetics400_val_list_videos.txt"
ann_file_test = ann_file_val
num_classes = 400

model = dict(backbone=dict(slow_pathway=dict(lateral_norm=True)), cls_head=dict(num_classes=num_classes))

train_dataloader = dict(dataset=dict(ann_file=ann_file_train, data_prefix=dict(video=data_root)))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, data_prefix=dict(video=data_root_val)))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, data_prefix=dict(video=data_root_val)))

param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=True, begin=0, end=34, convert_to_iter_based=True),
    dict(type="MultiStepLR", begin=0, end=256, by_epoch=True, milestones=[94, 154, 196], gamma=0.1),
]
