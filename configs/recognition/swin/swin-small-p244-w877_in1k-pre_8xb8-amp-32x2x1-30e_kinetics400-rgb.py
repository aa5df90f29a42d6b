_base_ = "swin-tiny-p244-w877_in1k-pre_8xb8-amp-32x2x1-30e_kinetics400-rgb.py"

weights = "https://download.openmmlab.com/mmaction/v1.0/recognition/swin/swin_small_patch4_window7_224.pth"
model = dict(backbone=dict(arch="small", pretrained=weights, drop_path_rate=0.2))
