_base_ = "c3d-light_1xb16-u32-40e_demo-keypoint.py"

model = dict(data_preprocessor=dict(with_kp=False, with_limb=True))
