_base_ = [
    "../_base_/models/expert_attention.py",
    "../_base_/datasets/features.py",
    "../_base_/schedules/adamw_40e_fusion.py",
    "../_base_/default_runtime.py",
]

# Folders that tools/extract_features.py CONFIG CHECKPOINT --folds 4 --out FOLDER has written, and how long the features
# are (here of the light configs). For another data set or other experts, copy this file and change these lines.
experts = dict(posec3d="data/features/posec3d", joint="data/features/joint", bone="data/features/bone")
in_channels = dict(posec3d=192, joint=128, bone=128)
num_classes = 27

experts_train = {name: f"{folder}/train" for name, folder in experts.items()}
experts_test = {name: f"{folder}/test" for name, folder in experts.items()}

model = dict(
    backbone=dict(in_channels=in_channels, num_classes=num_classes),
    cls_head=dict(in_channels=sum(in_channels.values()), num_classes=num_classes),
)
train_dataloader = dict(dataset=dict(experts=experts_train, num_classes=num_classes))
val_dataloader = dict(dataset=dict(experts=experts_test, num_classes=num_classes))
test_dataloader = val_dataloader

# The validation split is the test split: it is watched, and the last checkpoint is what counts.
default_hooks = dict(checkpoint=dict(save_best=None, max_keep_ckpts=1))
auto_scale_lr = dict(enable=False, base_batch_size=32)
