_base_ = "video.py"

dataset_type = "RawframeDataset"
data_root = "data/kinetics400/rawframes_train"
data_root_val = "data/kinetics400/rawframes_val"
ann_file_train = "data/kinetics400/kinetics400_train_list_flow.txt"
ann_file_val = "data/kinetics400/kinetics400_val_list_flow.txt"
ann_file_test = ann_file_val
flow_frames = dict(type=dataset_type, filename_tmpl="{}_{:05d}.jpg", modality="Flow")

train_dataloader = dict(
    batch_size=16, dataset=dict(ann_file=ann_file_train, data_prefix=dict(img=data_root), **flow_frames)
)
val_dataloader = dict(
    batch_size=16, dataset=dict(ann_file=ann_file_val, data_prefix=dict(img=data_root_val), **flow_frames)
)
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, data_prefix=dict(img=data_root_val), **flow_frames))
