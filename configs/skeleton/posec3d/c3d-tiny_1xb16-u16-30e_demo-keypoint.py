_base_ = "c3d-tiny_1xb16-u16-60e_utd-mhad-keypoint.py"

# 20 dives of each class to train on and 40 to test on; classes are learned through their attributes as well. The data:
# python tools/data/make_demo_data.py --out data/demo_sweep --num-clips 1000 --val-share 0.8
ann_file = "data/demo_sweep/skeletons.pkl"
ann_file_train = ann_file_val = ann_file_test = ann_file
train_split, test_split = "train", "val"
label_space = "data/demo_sweep/classes.csv"
layout, num_joints = "coco17", 17
num_classes = 10

model = dict(
    data_preprocessor=dict(layout=layout),
    backbone=dict(in_channels=num_joints),
    cls_head=dict(type="AttributeHead", head="I3DHead", num_classes=num_classes, label_space=label_space),
)

classes = dict(num_classes=num_classes, metainfo=dict(label_space=label_space))
tested = dict(filter_cfg=dict(per_class=40), **classes)
clips_train = dict(ann_file=ann_file_train, split=train_split, filter_cfg=dict(per_class=20, seed=0), **classes)
train_dataloader = dict(dataset=dict(dataset=clips_train))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, split=test_split, **tested))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, split=test_split, **tested))

train_cfg = dict(max_epochs=30, val_begin=30, val_interval=30)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.05, by_epoch=True, begin=0, end=4, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", T_max=26, eta_min=0, by_epoch=True, begin=4, end=30, convert_to_iter_based=True),
]
default_hooks = dict(checkpoint=dict(interval=30))
