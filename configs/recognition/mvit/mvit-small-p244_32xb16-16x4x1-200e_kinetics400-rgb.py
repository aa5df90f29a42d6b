_base_ = [
    "../../_base_/models/mvit_small.py",
    "../../_base_/datasets/video.py",
    "../../_base_/pipelines/rgb_16x4_mvit.py",
    "../../_base_/schedules/adamw_200e_mvit.py",
    "../../_base_/default_runtime.py",
]

data_root = "data/kinetics400/videos_train"
data_root_val = "data/kinetics400/videos_val"
ann_file_train = "data/kinetics400/kinetics400_train_list_videos.txt"
ann_file_val = "data/kinetics400/kinetics400_val_list_videos.txt"
ann_file_test = ann_file_val
num_classes = 400

model = dict(cls_head=dict(num_classes=num_classes))

clips_train = dict(ann_file=ann_file_train, data_prefix=dict(video=data_root))
clips_val = dict(ann_file=ann_file_val, data_prefix=dict(video=data_root_val))
clips_test = dict(ann_file=ann_file_test, data_prefix=dict(video=data_root_val))
repeat_sample = 2
repeated = dict(type="RepeatAugDataset", num_repeats=repeat_sample, sample_once=True, **clips_train)
train_dataloader = dict(
    collate_fn=dict(type="repeat_pseudo_collate"), dataset=dict(pipeline={{_base_.train_pipeline}}, **repeated)
)
val_dataloader = dict(dataset=dict(pipeline={{_base_.val_pipeline}}, **clips_val))
test_dataloader = dict(dataset=dict(pipeline={{_base_.test_pipeline}}, **clips_test))

default_hooks = dict(logger=dict(interval=100), checkpoint=dict(interval=3, max_keep_ckpts=5))
auto_scale_lr = dict(enable=True, base_batch_size=256)
