_base_ = "r2plus1d_r34_1xb8-u64-30e_gym99-rgb.py"

# Made by tools/data/gym/prepare.py.
data_root = "data/gym/subactions"
data_root_val = data_root
ann_file_train = "data/gym/gym288/train.txt"
ann_file_val = "data/gym/gym288/val.txt"
ann_file_test = ann_file_val
metainfo = dict(label_space="gym288")
num_classes = 288
# Published with a graph head and weights of IG-65M: 92.2 % top-1, 68.6 % mean class accuracy (TAG-Head, ICPR 2026).

# 2 to 1,623 training samples a class. For the plain cross entropy: loss_cls=dict(type="CrossEntropyLoss").
model = dict(cls_head=dict(num_classes=num_classes, loss_cls=dict(type="BalancedSoftmaxLoss")))
train_dataloader = dict(dataset=dict(ann_file=ann_file_train, data_prefix=dict(video=data_root), metainfo=metainfo))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, data_prefix=dict(video=data_root_val), metainfo=metainfo))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, data_prefix=dict(video=data_root_val), metainfo=metainfo))
