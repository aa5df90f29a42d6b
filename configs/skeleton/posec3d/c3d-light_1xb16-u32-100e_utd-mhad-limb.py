_base_ = "c3d-light_1xb16-u32-100e_utd-mhad-keypoint.py"

ann_file = "data/skeleton/utd_mhad_2d.pkl"
ann_file_train = ann_file_val = ann_file_test = ann_file
num_classes = 27

train_dataloader = dict(dataset=dict(dataset=dict(ann_file=ann_file_train, num_classes=num_classes)))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val, num_classes=num_classes))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test, num_classes=num_classes))

num_limbs = 19  # of the layout kinect20
model = dict(
    data_preprocessor=dict(with_kp=False, with_limb=True),
    backbone=dict(in_channels=num_limbs),
    cls_head=dict(num_classes=num_classes),
)
