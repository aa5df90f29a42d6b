_base_ = "i3d_r50_1xb8-32x2x1-30e_gym99-rgb.py"

# The clips are those of Gym99 and more; the lists and the classes differ.
listed_train = dict(ann_file="data/gym/gym288/train.txt", metainfo=dict(label_space="gym288"))
listed_val = dict(ann_file="data/gym/gym288/val.txt", metainfo=dict(label_space="gym288"))

model = dict(cls_head=dict(num_classes=288))
train_dataloader = dict(dataset=listed_train)
val_dataloader = dict(dataset=listed_val)
test_dataloader = dict(dataset=listed_val)
