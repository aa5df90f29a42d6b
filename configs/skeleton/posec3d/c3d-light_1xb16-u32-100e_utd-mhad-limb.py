# As with joints, with limbs in place of them. For another data set, copy this file too and name the other copy here.
_base_ = "c3d-light_1xb16-u32-100e_utd-mhad-keypoint.py"

from mmaction.skeletons import get_layout

model = dict(
    data_preprocessor=dict(with_kp=False, with_limb=True),
    backbone=dict(in_channels=len(get_layout(_base_.layout).limbs)),
)
