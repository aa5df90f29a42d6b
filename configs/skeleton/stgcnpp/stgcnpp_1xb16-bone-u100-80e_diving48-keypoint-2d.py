# The stream of bones: as the stream of joints, with other features.
_base_ = "stgcnpp_1xb16-joint-u100-80e_diving48-keypoint-2d.py"

from mmaction.utils.config import set_steps

set_steps(_base_, "GenSkeFeat", feats=["b"])
