_base_ = "c3d-light_1xb16-u32-100e_utd-mhad-keypoint.py"

# The procedural dives of tools/data/make_demo_data.py: 10 classes, 240 clips to train on and 60 to test on.
ann_file = "data/demo_diving/skeletons.pkl"
metainfo = dict(label_space="data/demo_diving/classes.csv")
skeletons = dict(ann_file=ann_file, num_classes=10, metainfo=metainfo)

model = dict(
    data_preprocessor=dict(layout="coco17"),
    backbone=dict(in_channels=17),
    cls_head=dict(num_classes=10),
)

train_dataloader = dict(dataset=dict(dataset=skeletons))
val_dataloader = dict(dataset=dict(split="val", **skeletons))
test_dataloader = dict(dataset=dict(split="val", **skeletons))

train_cfg = dict(max_epochs=40)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.05, by_epoch=True, begin=0, end=5, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", T_max=35, eta_min=0, by_epoch=True, begin=5, end=40, convert_to_iter_based=True),
]
