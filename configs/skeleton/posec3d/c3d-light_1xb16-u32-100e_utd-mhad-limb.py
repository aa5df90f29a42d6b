_base_ = "c3d-light_1xb16-u32-100e_utd-mhad-keypoint.py"

num_limbs = 19  # of the layout kinect20
model = dict(data_preprocessor=dict(with_kp=False, with_limb=True), backbone=dict(in_channels=num_limbs))
