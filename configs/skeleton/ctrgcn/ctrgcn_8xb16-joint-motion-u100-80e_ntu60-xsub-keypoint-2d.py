# The stream of the motion of joints: the same as that of joints but for the features.
_base_ = "ctrgcn_8xb16-joint-u100-80e_ntu60-xsub-keypoint-2d.py"

from mmaction.utils.config import set_steps

set_steps(_base_, "GenSkeFeat", feats=["jm"])
