_base_ = "video.py"

# Made by tools/data/diving48/prepare.py.
dataset_type = "VideoDataset"
data_root = "data/diving48/videos"
data_root_val = data_root
ann_file_train = "data/diving48/train.txt"
ann_file_val = "data/diving48/val.txt"
ann_file_test = ann_file_val
metainfo = dict(label_space="diving48")

train_dataloader = dict(
    dataset=dict(type=dataset_type, ann_file=ann_file_train, data_prefix=dict(video=data_root), metainfo=metainfo)
)
val_dataloader = dict(
    dataset=dict(type=dataset_type, ann_file=ann_file_val, data_prefix=dict(video=data_root_val), metainfo=metainfo)
)
test_dataloader = dict(
    dataset=dict(type=dataset_type, ann_file=ann_file_test, data_prefix=dict(video=data_root_val), metainfo=metainfo)
)
