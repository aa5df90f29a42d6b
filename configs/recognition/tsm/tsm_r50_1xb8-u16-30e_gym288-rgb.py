_base_ = "tsm_r50_1xb8-u16-30e_gym99-rgb.py"

# Made by tools/data/gym/prepare.py.
data_root = "data/gym/subactions"
data_root_val = data_root
ann_file_train = "data/gym/gym288/train.txt"
ann_file_val = "data/gym/gym288/val.txt"
ann_file_test = ann_file_val
metainfo = dict(label_space="gym288")
num_classes = 288
# Published: 73.5 % top-1, 34.8 % mean class accuracy; with flow 83.1 and 46.5 % (FineGym, CVPR 2020).

# 2 to 1,623 training samples a class. For the plain cross entropy: loss_cls=dict(type="CrossEntropyLoss").
model = dict(cls_head=dict(num_classes=num_classes, loss_cls=dict(type="BalancedSoftmaxLoss")))
train_dataloader = dict(dataset=dict(ann_file=ann_file_train, data_prefix=dict(video=data_root), metainfo=metainfo))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, data_prefix=dict(video=data_root_val), metainfo=metainfo))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, data_prefix=dict(video=data_root_val), metainfo=metainfo))
