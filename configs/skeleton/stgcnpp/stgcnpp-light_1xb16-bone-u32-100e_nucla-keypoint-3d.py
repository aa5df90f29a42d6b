# The stream of bones: as the stream of joints, with other features.
_base_ = "stgcnpp-light_1xb16-joint-u32-100e_nucla-keypoint-3d.py"

from mmaction.utils.config import set_steps

set_steps(_base_, "GenSkeFeat", feats=["b"])
