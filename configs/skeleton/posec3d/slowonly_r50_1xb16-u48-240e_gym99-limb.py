_base_ = "slowonly_r50_1xb16-u48-240e_gym99-keypoint.py"

ann_file = "data/skeleton/gym_2d.pkl"
ann_file_train = ann_file_val = ann_file_test = ann_file
num_classes = 99

train_dataloader = dict(dataset=dict(dataset=dict(ann_file=ann_file_train)))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test))

# Limbs in the order of the published limb models, so that their checkpoints fit.
model = dict(
    data_preprocessor=dict(with_kp=False, with_limb=True, layout="coco17_posec3d"),
    cls_head=dict(num_classes=num_classes),
)
