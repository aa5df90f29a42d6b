_base_ = "stgcnpp-light_1xb16-joint-u32-60e_utd-mhad-keypoint-2d.py"

from mmaction.utils.config import set_steps

# 20 dives of each class to train on and 40 to test on, and a head of attributes, as in
# c3d-tiny_1xb16-u16-30e_demo-keypoint.py. The data:
# python tools/data/make_demo_data.py --out data/demo_sweep --num-clips 1000 --val-share 0.8
ann_file = "data/demo_sweep/skeletons.pkl"
ann_file_train = ann_file_val = ann_file_test = ann_file
train_split, test_split = "train", "val"
label_space = "data/demo_sweep/classes.csv"
layout = "coco17"
num_classes = 10

set_steps(_base_, "GenSkeFeat", dataset=layout)
model = dict(
    backbone=dict(graph_cfg=dict(layout=layout)),
    cls_head=dict(type="AttributeHead", head="GCNHead", num_classes=num_classes, label_space=label_space),
)

classes = dict(num_classes=num_classes, metainfo=dict(label_space=label_space))
tested = dict(filter_cfg=dict(per_class=40), **classes)
clips_train = dict(ann_file=ann_file_train, split=train_split, filter_cfg=dict(per_class=20, seed=0), **classes)
train_dataloader = dict(dataset=dict(dataset=clips_train))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, split=test_split, **tested))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, split=test_split, **tested))
default_hooks = dict(checkpoint=dict(interval=60))
