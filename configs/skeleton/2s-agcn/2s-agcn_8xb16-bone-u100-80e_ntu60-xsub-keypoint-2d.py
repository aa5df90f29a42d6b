# The stream of bones: as the stream of joints, with other features.
_base_ = "2s-agcn_8xb16-joint-u100-80e_ntu60-xsub-keypoint-2d.py"

from mmaction.utils.config import set_steps

set_steps(_base_, "GenSkeFeat", feats=["b"])
