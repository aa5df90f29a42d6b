# The stream of bones: the same as that of joints but for the features.
_base_ = "ctrgcn_1xb16-joint-u64-80e_utd-mhad-keypoint-2d.py"

from mmaction.utils.config import set_steps

set_steps(_base_, "GenSkeFeat", feats=["b"])
