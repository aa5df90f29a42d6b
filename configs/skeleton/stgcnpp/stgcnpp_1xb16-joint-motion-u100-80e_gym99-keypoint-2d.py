# The stream of the motion of joints: the same as that of joints but for the features.
_base_ = "stgcnpp_1xb16-joint-u100-80e_gym99-keypoint-2d.py"

from mmaction.utils.config import set_steps

set_steps(_base_, "GenSkeFeat", feats=["jm"])
