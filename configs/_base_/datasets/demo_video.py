_base_ = "video.py"

# Made by tools/data/make_demo_data.py.
dataset_type = "VideoDataset"
data_root = "data/demo_diving/videos"
data_root_val = data_root
ann_file_train = "data/demo_diving/train.txt"
ann_file_val = "data/demo_diving/val.txt"
ann_file_test = ann_file_val
metainfo = dict(label_space="data/demo_diving/classes.csv")

clips_train = dict(type=dataset_type, ann_file=ann_file_train, data_prefix=dict(video=data_root), metainfo=metainfo)
clips_val = dict(type=dataset_type, ann_file=ann_file_val, data_prefix=dict(video=data_root_val), metainfo=metainfo)
train_dataloader = dict(num_workers=2, dataset=clips_train)
val_dataloader = dict(num_workers=2, dataset=clips_val)
test_dataloader = dict(num_workers=2, dataset=clips_val)
