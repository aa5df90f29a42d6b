_base_ = "clip-b16-difference-adapter_1xb8-u32-30e_gym99-rgb.py"

# Made by tools/data/diving48/prepare.py.
data_root = "data/diving48/videos"
data_root_val = data_root
ann_file_train = "data/diving48/train.txt"
ann_file_val = "data/diving48/val.txt"
ann_file_test = ann_file_val
metainfo = dict(label_space="diving48")
num_classes = 48
# Published: 92.8 % top-1 (DiA, CLIP-B/16 with 3.6 M trained parameters).

model = dict(cls_head=dict(num_classes=num_classes))
train_dataloader = dict(dataset=dict(ann_file=ann_file_train, data_prefix=dict(video=data_root), metainfo=metainfo))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, data_prefix=dict(video=data_root_val), metainfo=metainfo))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, data_prefix=dict(video=data_root_val), metainfo=metainfo))
