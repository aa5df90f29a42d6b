_base_ = "i3d_imagenet-pretrained-r50-nl-dot-product_8xb8-32x2x1-100e_kinetics400-rgb.py"

model = dict(backbone=dict(non_local_cfg=dict(mode="gaussian")))
