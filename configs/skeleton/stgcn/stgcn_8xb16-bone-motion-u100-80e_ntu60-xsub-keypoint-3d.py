# The stream of the motion of bones: as the stream of joints, with other features.
_base_ = "stgcn_8xb16-joint-u100-80e_ntu60-xsub-keypoint-3d.py"

from mmaction.utils.config import set_steps

set_steps(_base_, "GenSkeFeat", feats=["bm"])
