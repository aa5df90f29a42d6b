# The stream of bones: the same as that of joints but for the features.
_base_ = "stgcn_8xb16-joint-u100-80e_ntu120-xsub-keypoint-2d.py"

from mmaction.utils.config import set_steps

set_steps(_base_, "GenSkeFeat", feats=["b"])
