_base_ = "gym99_video.py"

# The clips are those of Gym99 and more; only the lists and the classes differ.
ann_file_train = "data/gym/gym288/train.txt"
ann_file_val = "data/gym/gym288/val.txt"
ann_file_test = ann_file_val
metainfo = dict(label_space="gym288")

train_dataloader = dict(dataset=dict(ann_file=ann_file_train, metainfo=metainfo))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, metainfo=metainfo))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, metainfo=metainfo))
