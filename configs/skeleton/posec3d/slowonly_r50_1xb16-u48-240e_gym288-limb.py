_base_ = "slowonly_r50_1xb16-u48-240e_gym288-keypoint.py"

ann_file = "data/skeleton/gym288_2d.pkl"
ann_file_train = ann_file_val = ann_file_test = ann_file
num_classes = 288

train_dataloader = dict(dataset=dict(dataset=dict(ann_file=ann_file_train)))
val_dataloader = dict(dataset=dict(ann_file=ann_file_val))
test_dataloader = dict(dataset=dict(ann_file=ann_file_test))

# Limbs in the order of the published limb models, so that their checkpoints fit.
model = dict(
    data_preprocessor=dict(with_kp=False, with_limb=True, layout="coco17_posec3d"),
    # 2 to 1,623 training samples a class. For the plain cross entropy: loss_cls=dict(type="CrossEntropyLoss").
    cls_head=dict(num_classes=num_classes, loss_cls=dict(type="BalancedSoftmaxLoss")),
)
load_from = (
    "https://download.openmmlab.com/mmaction/v1.0/skeleton/posec3d/"
    "slowonly_r50_8xb16-u48-240e_gym-limb/slowonly_r50_8xb16-u48-240e_gym-limb_20220815-2e6e3c5c.pth"
)
