dataset_type = "RawframeDataset"
data_root = "data/kinetics400/rawframes_train"
data_root_val = "data/kinetics400/rawframes_val"
ann_file_train = "data/kinetics400/kinetics400_train_list_flow.txt"
ann_file_val = "data/kinetics400/kinetics400_val_list_flow.txt"
ann_file_test = ann_file_val
flow_frames = dict(type=dataset_type, filename_tmpl="{}_{:05d}.jpg", modality="Flow")

train_dataloader = dict(
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(ann_file=ann_file_train, data_prefix=dict(img=data_root), **flow_frames),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(ann_file=ann_file_val, data_prefix=dict(img=data_root_val), test_mode=True, **flow_frames),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(ann_file=ann_file_test, data_prefix=dict(img=data_root_val), test_mode=True, **flow_frames),
)
