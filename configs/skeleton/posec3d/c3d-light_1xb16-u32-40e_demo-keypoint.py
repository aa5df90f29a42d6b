_base_ = "c3d-light_1xb16-u32-100e_utd-mhad-keypoint.py"

# The procedural dives of tools/data/make_demo_data.py: 10 classes, 240 clips to train on and 60 to test on.
ann_file = "data/demo_diving/skeletons.pkl"
ann_file_train = ann_file_val = ann_file_test = ann_file
train_split, test_split = "train", "val"
metainfo = dict(label_space="data/demo_diving/classes.csv")
layout, num_joints = "coco17", 17
num_classes = 10

model = dict(
    data_preprocessor=dict(layout=layout),
    backbone=dict(in_channels=num_joints),
    cls_head=dict(num_classes=num_classes),
)

classes = dict(num_classes=num_classes, metainfo=metainfo)
train_dataloader = dict(dataset=dict(dataset=dict(ann_file=ann_file_train, split=train_split, **classes)))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, split=test_split, **classes))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, split=test_split, **classes))

train_cfg = dict(max_epochs=40)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.05, by_epoch=True, begin=0, end=5, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", T_max=35, eta_min=0, by_epoch=True, begin=5, end=40, convert_to_iter_based=True),
]
