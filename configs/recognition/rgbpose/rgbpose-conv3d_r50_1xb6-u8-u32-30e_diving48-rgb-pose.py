_base_ = "rgbpose-conv3d_r50_1xb6-u8-u32-30e_gym99-rgb-pose.py"

# Videos made by tools/data/diving48/prepare.py; skeletons: docs/datasets.md.
data_root = "data/diving48/videos"
ann_file = "data/skeleton/diving48_2d.pkl"
ann_file_train = ann_file_val = ann_file_test = ann_file
val_split = "test"
metainfo = dict(label_space="diving48")
num_classes = 48
# Published for this network and input: nothing that we know.

model = dict(cls_head=dict(num_classes=num_classes))
clips = dict(data_prefix=dict(video=data_root), metainfo=metainfo)
train_dataloader = dict(dataset=dict(dataset=dict(ann_file=ann_file_train, split="train", **clips)))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, split=val_split, **clips))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, split=val_split, **clips))
