# The stream of the motion of bones: as the stream of joints, with other features.
_base_ = "ctrgcn-light_1xb16-joint-u32-60e_utd-mhad-keypoint-2d.py"

from mmaction.utils.config import set_steps

set_steps(_base_, "GenSkeFeat", feats=["bm"])
