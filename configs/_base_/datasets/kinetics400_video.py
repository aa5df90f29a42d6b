_base_ = "video.py"

dataset_type = "VideoDataset"
data_root = "data/kinetics400/videos_train"
data_root_val = "data/kinetics400/videos_val"
ann_file_train = "data/kinetics400/kinetics400_train_list_videos.txt"
ann_file_val = "data/kinetics400/kinetics400_val_list_videos.txt"
ann_file_test = ann_file_val

train_dataloader = dict(dataset=dict(type=dataset_type, ann_file=ann_file_train, data_prefix=dict(video=data_root)))
val_dataloader = dict(dataset=dict(type=dataset_type, ann_file=ann_file_val, data_prefix=dict(video=data_root_val)))
test_dataloader = dict(dataset=dict(type=dataset_type, ann_file=ann_file_test, data_prefix=dict(video=data_root_val)))
