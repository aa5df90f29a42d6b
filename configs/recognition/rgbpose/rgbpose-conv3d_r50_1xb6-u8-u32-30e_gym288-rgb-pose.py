_base_ = "rgbpose-conv3d_r50_1xb6-u8-u32-30e_gym99-rgb-pose.py"

# Videos made by tools/data/gym/prepare.py; skeletons: docs/datasets.md.
data_root = "data/gym/subactions"
ann_file = "data/skeleton/gym288_2d.pkl"
ann_file_train = ann_file_val = ann_file_test = ann_file
val_split = "val"
metainfo = dict(label_space="gym288")
num_classes = 288
# Published for this network and input: nothing that we know.

# 2 to 1,623 training samples a class. For the plain cross entropy: loss_cls=dict(type="CrossEntropyLoss").
model = dict(cls_head=dict(num_classes=num_classes, loss_cls=dict(type="BalancedSoftmaxLoss")))
clips = dict(data_prefix=dict(video=data_root), metainfo=metainfo)
train_dataloader = dict(dataset=dict(dataset=dict(ann_file=ann_file_train, split="train", **clips)))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, split=val_split, **clips))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, split=val_split, **clips))
